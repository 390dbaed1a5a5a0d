import type { ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCase } from '../support/case-app.js'
import { until } from '../support/fanout-rig.js'
import { openBackend } from '../support/http-backend.js'

const STALL_MS = 3000

/** Stops an app three times, from when it logs, and then lets it end. */
async function stopAgainAndAgain (t: Test, child: ChildProcess): Promise<void> {
  const dir = t.testdirName
  await until(() => existsSync(join(dir, 'logging')), 'the app to log', 30000)
  for (let i = 0; i < 3; i++) {
    child.kill('SIGSTOP')
    await new Promise(resolve => setTimeout(resolve, STALL_MS))
    child.kill('SIGCONT')
    await new Promise(resolve => setTimeout(resolve, 300))
  }
  writeFileSync(join(dir, 'stop'), '')
}

t.test('a stdout whose reader stands still for longer than writeTimeoutMs and goes on costs nothing anywhere', async t => {
  const { told, result, missing } = await runCase(t, {
    writeTimeoutMs: 500,
    breaker: { recoveryTimeoutMs: 500 },
    metricsIntervalMs: 50,
    targets: [
      { name: 'file', target: 'pino/file', options: { destination: 'DIR/file.log' } },
      { name: 'stdout', target: 'pino/file', options: { destination: 1 } }
    ]
  }, `
    await ready
    let last
    transport.on('metrics', snapshot => { last = snapshot })
    const until = async condition => { while (!condition()) await sleep(10) }
    let n = 0
    const timer = setInterval(() => { for (let i = 0; i < 20; i++) log.info({ n: n++, pad: 'x'.repeat(300) }) }, 10)
    await until(() => last?.sinks[1].failures['write-timeout'] > 0)
    fs.writeFileSync('go-on', '')
    await until(() => last.sinks[1].restarts > 0 && last.sinks[1].state === 'closed')
    clearInterval(timer)
    tell({ n, failures: last.sinks[1].failures })
    process.exit(0)`, {
    shell: app => `${app} | (for i in $(seq 400); do [ -e go-on ] && break; sleep 0.1; done; cat > stdout.log); exit \${PIPESTATUS[0]}`
  })
  t.match(told, [{ n: Number }], 'the app sees no error')
  const { n } = told[0] as { n: number }
  t.equal(result.code, 0)
  t.equal(missing('file.log', n), 0, 'in the file')
  // The write that was pending comes to its end, and what it had is not written again.
  const numbers = [...readFileSync(join(t.testdirName, 'stdout.log'), 'utf8').matchAll(/^\{.*"n":(\d+),.*\}$/gm)].map(([, n]) => Number(n))
  t.ok(numbers.length === n && numbers.every((number, i) => number === i), `on stdout ${numbers.length} of ${n}, each once, in order`)
})

t.test('an app whose stderr stands still goes on logging, and its diagnostics are lost at worst', async t => {
  const { told, missing } = await runCase(t, {
    writeTimeoutMs: 500,
    breaker: { failureThreshold: 1, recoveryTimeoutMs: 20 },
    diagnostics: { to: 'stderr' },
    targets: [
      { name: 'file', target: 'pino/file', options: { destination: 'DIR/file.log' } },
      { name: 'bad', target: 'DIR/bad.cjs', whenOpen: 'fallback', fallback: 'stderr' }
    ]
  }, `
    await ready
    for (let n = 0; n < 2000; n++) { log.info({ n, pad: 'x'.repeat(300) }); if (n % 20 === 0) await sleep(1) }
    await new Promise(resolve => log.flush(resolve))
    tell({ flushed: true })
    process.exit(0)`, {
    files: { 'bad.cjs': 'module.exports = () => { throw new Error("no") }' },
    // Nobody reads the pipe, which holds 64 KiB, before the app has ended.
    shell: app => `mkfifo err; exec 9<>err; ${app} 2>err 9>&-`
  })
  t.match(told, [{ flushed: true }])
  t.equal(missing('file.log', 2000), 0)
})

t.test('a process that is stopped for longer than every timeout has not waited for any sink', async t => {
  const { told, result, missing } = await runCase(t, {
    writeTimeoutMs: 500,
    startTimeoutMs: 2000,
    breaker: { settleMs: 500 },
    metricsIntervalMs: 50,
    targets: [
      { name: 'a', target: 'pino/file', options: { destination: 'DIR/a.log' } },
      { name: 'b', target: 'pino/file', options: { destination: 'DIR/b.log' }, whenOpen: 'skip' },
      { name: 'slow', target: 'DIR/slow.cjs' },
      { name: 'send', target: 'DIR/send.cjs', redelivery: 'at-most-once' }
    ]
  }, `
    let moves = 0, last
    transport.on('breaker', () => moves++)
    transport.on('metrics', snapshot => { last = snapshot })
    await ready
    while (!(last?.sinks.every(({ linesDelivered }) => linesDelivered > 0))) { log.info({ n: -1 }); await sleep(10) }
    let n = 0
    const timer = setInterval(() => { for (let i = 0; i < 50; i++) log.info({ n: n++, pad: 'x'.repeat(1000) }) }, 5)
    fs.writeFileSync('logging', '')
    while (!fs.existsSync('stop')) await sleep(10)
    clearInterval(timer)
    await sleep(200)
    tell({ n, moves, failures: last.sinks.map(({ failures }) => failures), dropped: last.sinks.map(({ linesDropped }) => linesDropped), skipped: last.sinks.map(({ linesSkipped }) => linesSkipped) })
    process.exit(0)`, {
    files: {
      'slow.cjs': 'const { Writable } = require("node:stream"); module.exports = () => new Writable({ write (chunk, encoding, done) { setTimeout(done, 5) } })',
      'send.cjs': 'module.exports = () => ({ send: () => new Promise(resolve => setTimeout(resolve, 5)) })'
    },
    during: child => stopAgainAndAgain(t, child)
  })
  t.equal(result.code, 0, result.stderr)
  t.match(told, [{ moves: 0, failures: [{}, {}, {}, {}], skipped: [0, 0, 0, 0] }])
  t.strictSame((told[0] as { failures: unknown }).failures, [{}, {}, {}, {}])
  t.strictSame((told[0] as { dropped: unknown }).dropped, [{}, {}, {}, {}])
  const { n } = told[0] as { n: number }
  t.equal(missing('a.log', n) + missing('b.log', n), 0)
  t.ok(readFileSync(join(t.testdirName, 'a.log')).length > 0)
})

t.test('nor for a backend, whose answers arrive while the process is stopped', async t => {
  const backend = await openBackend(t)
  // So late that a request is under way at any time.
  backend.answer = response => { setTimeout(() => response.writeHead(204).end(), 100) }
  const url = backend.url
  const { told, result } = await runCase(t, {
    writeTimeoutMs: 1000,
    breaker: { settleMs: 500 },
    metricsIntervalMs: 50,
    targets: [
      { name: 'http', target: 'pino-breaker-fanout/http', options: { url, timeoutMs: 1000 } },
      { name: 'inline', target: 'pino-breaker-fanout/http', isolation: 'inline', options: { url, timeoutMs: 1000 } },
      { name: 'fetch', target: 'DIR/fetch.mjs', options: { url } },
      { name: 'checked', target: 'DIR/slow.cjs', healthCheck: { http: url, intervalMs: 50, timeoutMs: 1000 } }
    ]
  }, `
    let moves = 0, last
    transport.on('breaker', () => moves++)
    transport.on('metrics', snapshot => { last = snapshot })
    await ready
    while (!(last?.sinks.every(({ linesDelivered }) => linesDelivered > 0))) { log.info({ first: true }); await sleep(10) }
    let n = 0
    const timer = setInterval(() => log.info({ n: n++ }), 5)
    fs.writeFileSync('logging', '')
    while (!fs.existsSync('stop')) await sleep(10)
    clearInterval(timer)
    await new Promise(resolve => log.flush(resolve))
    tell({ n, moves, failures: last.sinks.map(({ failures }) => failures), dropped: last.sinks.map(({ linesDropped }) => linesDropped) })
    process.exit(0)`, {
    files: {
      'slow.cjs': 'const { Writable } = require("node:stream"); module.exports = () => new Writable({ write (chunk, encoding, done) { setTimeout(done, 5) } })',
      'fetch.mjs': `import { Writable } from 'node:stream'
        export default ({ url }) => new Writable({ highWaterMark: 1024, write (chunk, encoding, done) { fetch(url, { method: 'POST', body: chunk }).then(response => response.text()).then(() => done(), done) } })`
    },
    during: child => stopAgainAndAgain(t, child)
  })
  t.equal(result.code, 0, result.stderr)
  t.match(told, [{ moves: 0 }])
  t.strictSame((told[0] as { failures: unknown }).failures, [{}, {}, {}, {}])
  t.strictSame((told[0] as { dropped: unknown }).dropped, [{}, {}, {}, {}])
})
