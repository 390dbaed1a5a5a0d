import t from 'tap'
import { runCase } from '../support/case-app.js'

const LINES = 600

for (const overflow of ['block', 'drop-oldest', 'drop-newest'] as const) {
  t.test(`a slow sink with a small queue (${overflow}) holds the app back, and its end no longer than it may`, async t => {
    const { told, result, missing } = await runCase(t, {
      closeTimeoutMs: 1500,
      diagnostics: { to: 'stderr' },
      targets: [
        { name: 'slow', target: 'DIR/slow.cjs', queue: { maxLines: 10, overflow } },
        { target: 'pino/file', options: { destination: 'DIR/file.log' } }
      ]
    }, `
      await ready
      let n = 0
      for (let burst = 0; burst < 20; burst++) { for (let i = 0; i < 30; i++) log.info({ n: n++ }); await sleep(10) }
      process.on('exit', code => tell({ code }))`, {
      files: { 'slow.cjs': 'const { Writable } = require("node:stream"); module.exports = () => new Writable({ write (chunk, encoding, done) { setTimeout(done, 1000) } })' }
    })
    t.strictSame(told, [{ code: 0 }], 'thread-stream does not throw in the app')
    t.equal(result.code, 0, result.stderr)
    t.equal(missing('file.log', LINES), 0)
    t.match(result.stderr, /sink (dropping lines|lines undelivered at close)/, 'what the slow sink did not get is told')
  })
}

t.test('targets that are served one after another hold no end up either', async t => {
  const { told, result, missing } = await runCase(t, {
    closeTimeoutMs: 1500,
    parallel: false,
    diagnostics: false,
    targets: [
      { name: 'hung', target: 'DIR/hung.cjs' },
      { target: 'pino/file', options: { destination: 'DIR/file.log' } }
    ]
  }, `
    await ready
    for (let n = 0; n < 50; n++) { log.info({ n }); await sleep(1) }
    process.on('exit', code => tell({ code }))`, {
    files: { 'hung.cjs': 'const { Writable } = require("node:stream"); module.exports = () => new Writable({ write () {} })' }
  })
  t.strictSame(told, [{ code: 0 }])
  t.equal(result.code, 0, result.stderr)
  t.equal(missing('file.log', 50), 0)
})
