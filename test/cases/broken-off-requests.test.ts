import type { Socket } from 'node:net'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import createHttpSink from 'pino-breaker-fanout/http'
import t, { type Test } from 'tap'
import { accountedLines, openFanout, until } from '../support/fanout-rig.js'
import { openSocketServer } from '../support/http-backend.js'
import { attempt, batchOf, rejectionOf } from '../support/http-sinks.js'

interface Backend { url: string, lines: string[], sizes: number[], limit: number, isDown: boolean }
type Break = (socket: Socket) => void

const reset: Break = socket => socket.resetAndDestroy()
const close: Break = socket => socket.destroy()

/** A backend behind a proxy that breaks off what is larger than it lets through, or has a word in it, without an answer. */
async function openProxied (t: Test, breakOff: Break, { readsAll = false, word = 'no such word' } = {}): Promise<Backend> {
  const backend: Backend = { url: '', lines: [], sizes: [], limit: 20000, isDown: false }
  backend.url = await openSocketServer(t, socket => {
    let bytes = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) return
      const length = Number(/content-length: (\d+)/i.exec(bytes.toString('latin1', 0, end))?.[1])
      const body = bytes.subarray(end + 4)
      if (length > backend.limit || backend.isDown) {
        if (!readsAll || body.length >= length) breakOff(socket)
        return
      }
      if (body.length < length) return
      if (body.includes(word)) return breakOff(socket)
      backend.lines.push(...body.toString().trimEnd().split('\n'))
      backend.sizes.push(length)
      bytes = Buffer.alloc(0)
      socket.write('HTTP/1.1 204 No Content\r\n\r\n')
    })
  })
  return backend
}

const lines = Array.from({ length: 3000 }, (_, id) => JSON.stringify({ level: 30, id, text: 'x'.repeat(100) }))

for (const [what, breakOff] of [['reset', reset], ['closed', close]] as const) {
  for (const readsAll of [false, true]) {
    t.test(`a request that is too large and is ${what} ${readsAll ? 'once it is there' : 'while it is being written'} teaches a smaller size`, async t => {
      const backend = await openProxied(t, breakOff, { readsAll })
      const sink = createHttpSink({ url: backend.url, timeoutMs: 60000 })
      t.teardown(() => sink.close?.())
      await sink.send(batchOf(lines), attempt())
      t.same(backend.lines, lines, 'each line once, in order')
      t.ok(Math.max(...backend.sizes.slice(5)) > 4000, 'not in crumbs')
    })
  }
}

t.test('through the transport: a proxy that breaks off large requests never opens the breaker', async t => {
  const backend = await openProxied(t, reset)
  const fanout = openFanout({ targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url: backend.url } }], diagnostics: false })
  for (let id = 0; id < 3000; id++) fanout.log.info({ id, text: 'x'.repeat(100) })
  await until(() => backend.lines.length >= 3000, 'all lines')
  await fanout.close()
  t.same(backend.lines.map(line => (JSON.parse(line) as { id: number }).id), Array.from({ length: 3000 }, (_, id) => id))
  t.same(fanout.transitions, [])
})

t.test('through the transport: a line that a firewall breaks off is a dead letter, and all others arrive', async t => {
  const backend = await openProxied(t, reset, { word: '<script>' })
  backend.limit = Infinity
  const path = join(t.testdir({}), 'dead.ndjson')
  const fanout = openFanout({ targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url: backend.url }, deadLetter: { path } }], breaker: { recoveryTimeoutMs: 100 }, diagnostics: false })
  for (let id = 0; id < 1000; id++) fanout.log.info({ id, ...id === 400 && { query: '<script>' } })
  await until(() => backend.lines.length >= 999, 'all other lines')
  await fanout.sinkWhen('http', ({ linesDeadLettered }) => linesDeadLettered === 1, 'a dead letter')
  await fanout.close()
  t.match(readFileSync(path, 'utf8'), /<script>/)
  t.same(new Set(backend.lines.map(line => (JSON.parse(line) as { id: number }).id)).size, 999)
})

t.test('through the transport: a single line that is always broken off does not keep others for ever', async t => {
  const backend = await openProxied(t, close)
  const path = join(t.testdir({}), 'dead.ndjson')
  const fanout = openFanout({ targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url: backend.url }, deadLetter: { path } }], breaker: { failureThreshold: 2, recoveryTimeoutMs: 20 }, diagnostics: false })
  fanout.log.info({ id: 0 })
  await until(() => backend.lines.length === 1, 'the first line')
  fanout.log.info({ long: 'y'.repeat(50000) })
  await fanout.transitionTo('http', 'open')
  for (let id = 1; id < 100; id++) fanout.log.info({ id })
  await until(() => backend.lines.length >= 100, 'all other lines')
  // It is to blame only if others are taken between its failures.
  const more = setInterval(() => fanout.log.info({ id: 100 }), 10)
  t.teardown(() => clearInterval(more))
  const sink = await fanout.sinkWhen('http', ({ linesDeadLettered }) => linesDeadLettered === 1, 'a dead letter')
  t.equal(accountedLines(sink), sink.linesReceived)
  clearInterval(more)
  await fanout.close()
})

t.test('a backend that crashed, also in the middle of a batch, is sent large requests again', async t => {
  const backend = await openProxied(t, reset)
  backend.limit = Infinity
  const sink = createHttpSink({ url: backend.url, timeoutMs: 60000 })
  t.teardown(() => sink.close?.())
  const whole = batchOf(lines)
  backend.isDown = true
  for (let n = 1; n <= 5; n++) await rejectionOf(sink.send(whole, { ...attempt(), attempt: n }))
  backend.limit = 1000
  backend.isDown = false
  await sink.send(whole, attempt())
  t.same(backend.lines, lines)
  backend.limit = Infinity
  for (let n = 0; n < 100 && backend.sizes.at(-1) !== whole.bytes; n++) await sink.send(whole, attempt())
  t.equal(backend.sizes.at(-1), whole.bytes)
})
