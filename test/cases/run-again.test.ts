import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCase } from '../support/case-app.js'

t.test('a file with `append: false` is emptied once, and goes on where it was after a failed write', async t => {
  const { told } = await runCase(t, {
    diagnostics: false,
    metricsIntervalMs: 20,
    targets: [{ name: 'file', target: 'pino/file', options: { destination: 'DIR/file.log', append: false } }]
  }, `
    await ready
    transport.ref()
    let delivered, restarts
    transport.on('metrics', ({ sinks: [sink] }) => { delivered = sink.linesDelivered; restarts = sink.restarts })
    for (let n = 0; n < 60; n++) { log.info({ n, pad: 'x'.repeat(900) }); await sleep(20) }
    while (!(restarts > 0)) await sleep(10)
    transport.on('close', () => { tell({ delivered, restarts }); process.exit(0) })
    transport.end()`, {
    // A limit of the size of files stands for a disk that is full.
    shell: app => `trap '' XFSZ; ulimit -f 40; exec ${app}`
  })
  const kept = [...readFileSync(join(t.testdirName, 'file.log'), 'utf8').matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n))
  const { delivered, restarts } = told[0] as { delivered: number, restarts: number }
  t.ok(restarts > 0, 'it was started again')
  t.equal(kept[0], 0)
  t.ok(kept.length >= delivered, `${kept.length} lines in the file, ${delivered} delivered`)
})

t.test('a relative path means the folder of the first start, wherever the app goes', async t => {
  await runCase(t, {
    diagnostics: false,
    breaker: { recoveryTimeoutMs: 50 },
    metricsIntervalMs: 20,
    targets: [{ name: 'file', target: 'DIR/fails-once.cjs', isolation: 'inline' }, { name: 'plain', target: 'pino/file', options: { destination: 'plain.log' } }]
  }, `
    await ready
    log.info({ n: 0 })
    await new Promise(resolve => log.flush(resolve))
    fs.mkdirSync('elsewhere')
    process.chdir('elsewhere')
    log.info({ n: 1 })
    await new Promise(resolve => log.flush(resolve))
    process.exit(0)`, {
    files: { 'fails-once.cjs': 'const { Writable } = require("node:stream"); module.exports = () => new Writable({ write (chunk, encoding, done) { done() } })' }
  })
  t.match(readFileSync(join(t.testdirName, 'plain.log'), 'utf8'), /"n":0[^]*"n":1/)
})

t.test('a port that was transferred works as under pino, and is refused in words once its thread is gone', async t => {
  const { told } = await runCase(t, { targets: [{ target: 'pino/file', options: { destination: 'DIR/file.log' } }] }, `
    const { MessageChannel } = await import('node:worker_threads')
    const { port1, port2 } = new MessageChannel()
    const got = []
    port1.on('message', text => got.push(text)).unref()
    const other = pino.transport({
      target: 'pino-breaker-fanout',
      worker: { transferList: [port2] },
      options: { diagnostics: false, metricsIntervalMs: 20, targets: [{ name: 'port', target: process.cwd() + '/port.cjs', options: { port: port2 } }] }
    })
    let last
    other.on('metrics', ({ sinks: [sink] }) => { last = sink })
    const otherLog = pino({ base: null }, other)
    otherLog.info({ n: 0 })
    while (got.length === 0) await sleep(10)
    otherLog.info({ n: 1, exit: true })
    while (last?.failures['start-failed'] === undefined) await sleep(10)
    tell({ got: got.length, lastError: last.lastError.message })
    process.exit(0)`, {
    files: { 'port.cjs': 'const { Writable } = require("node:stream"); module.exports = ({ port }) => new Writable({ write (chunk, encoding, done) { if (String(chunk).includes("exit")) process.exit(1); port.postMessage(String(chunk)); done() } })' }
  })
  t.match(told.at(-1), { got: 1, lastError: /was transferred to its thread at its first start/ })
})
