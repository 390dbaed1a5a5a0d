// Kind: a pace that is measured while the loop is busy. A healthy sink that was given more than its queue holds, all at
// once, was taken to be silent, and half of it was dropped.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import t from 'tap'
import fanout from 'pino-breaker-fanout'
import { runCase } from '../support/case-app.js'

const LINES = 40000
const SINK = 'module.exports = ({ file, delay }) => { const fd = fs.openSync(file, "a"); return { async send ({ buffer }) { await new Promise(resolve => setTimeout(resolve, delay)); fs.writeSync(fd, buffer) } } }'

for (const when of ['before it is ready', 'after']) {
  t.test(`a burst of many times a queue costs no healthy sink a line, ${when}`, async t => {
    const { told, missing } = await runCase(t, {
      // Far more than a sink needs that answers each batch after 5 ms, on any machine.
      queue: { maxBytes: 1024 * 1024, blockTimeoutMs: 20000 },
      metricsIntervalMs: 50,
      targets: [
        { name: 'thread', target: 'DIR/sink.cjs', options: { file: 'DIR/thread.log', delay: 5 } },
        { name: 'inline', target: 'DIR/sink.cjs', isolation: 'inline', options: { file: 'DIR/inline.log', delay: 5 } },
        { name: 'file', target: 'pino/file', options: { destination: 'DIR/file.log' } }
      ]
    }, `
      let last
      setTimeout(() => { tell({ late: last }); process.exit(4) }, 55000).unref()
      transport.on('metrics', snapshot => { last = snapshot })
      transport.ref()
      ${when === 'after' ? 'await ready' : ''}
      for (let n = 0; n < ${LINES}; n++) log.info({ n, pad: 'x'.repeat(240) })
      ${when === 'after' ? '' : 'await ready'}
      while (!(last?.sinks.every(({ linesDelivered }) => linesDelivered >= ${LINES}))) await sleep(50)
      tell({ dropped: last.sinks.map(({ linesDropped }) => linesDropped), failures: last.sinks.map(({ failures }) => failures) })
      process.exit(0)`, {
      files: { 'sink.cjs': `const fs = require("node:fs"); ${SINK}` }
    })
    t.strictSame(told, [{ dropped: [{}, {}, {}], failures: [{}, {}, {}] }])
    for (const file of ['thread.log', 'inline.log', 'file.log']) t.equal(missing(file, LINES), 0, file)
  })
}

t.test('a stream that is fed in its own thread for as long as write() says so drops nothing', async t => {
  const sink = join(t.testdir({}), 'sink.cjs')
  writeFileSync(sink, 'const { Writable } = require("node:stream"); module.exports = () => new Writable({ decodeStrings: false, write (chunk, encoding, done) { done() } })')
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) })
  for (let i = 0; i < 100000; i++) log[i % 2 === 0 ? 'info' : 'error']({ reqId: `req-${i}`, responseTime: (i % 300) / 3 }, 'request completed héllo')
  const text = lines.join('')
  const stream = await fanout({ diagnostics: false, targets: ['trace', 'info', 'error'].map((level, n) => ({ name: `s${n}`, target: sink, level, isolation: 'inline' as const, queue: { maxLines: 5000, blockTimeoutMs: 20000 } })) })
  for (let at = 0; at < text.length; at += 65536) if (!stream.write(text.slice(at, at + 65536))) await once(stream, 'drain')
  stream.end()
  await once(stream, 'close')
  const { sinks } = stream.snapshot()
  t.strictSame(sinks.map(({ linesDropped }) => linesDropped), [{}, {}, {}])
  t.same(sinks.map(({ linesDelivered }) => linesDelivered), [100000, 100000, 50000])
})
