import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import fanout from '#lib/fanout'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const CHUNK_BYTES = 64 * 1024
const CHUNKS = 400
const MOST_BYTES = 4 * 1024 * 1024
const MOST_TURNS = 100
const THREAD_STREAM_BYTES = 4 * 1024 * 1024

t.test('of a chunk no more stays in memory than the few lines that a sink still has', async t => {
  const stream = await fanout({
    targets: [{ name: 'hung', target: resolve('test/fixtures/sink-never-calls-back.js'), level: 'error', isolation: 'inline', options: { decodeStrings: false } }],
    diagnostics: false,
    closeTimeoutMs: 100
  })
  const line = (level: number, msg: string): string => `{"level":${level},"msg":"${msg}"}\n`
  const chunk = line(50, 'kept') + line(30, 'x'.repeat(CHUNK_BYTES))
  stream.write(chunk)
  while (stream.snapshot().sinks[0]?.unsettledLines !== 1) await nextTurn()
  collectGarbage()
  const before = process.memoryUsage().arrayBuffers

  for (let i = 1; i < CHUNKS; i++) if (!stream.write(chunk)) await once(stream, 'drain')
  t.match(stream.snapshot().sinks[0], { unsettledLines: CHUNKS, queueLines: 0 })
  const grown = (): number => process.memoryUsage().arrayBuffers - before
  // Buffers are freed by another thread, a little later.
  for (let turn = 0; turn < MOST_TURNS && grown() >= MOST_BYTES; turn++) {
    collectGarbage()
    await nextTurn()
  }
  t.ok(grown() < MOST_BYTES, `${grown()} bytes`)
  stream.destroy()
  await once(stream, 'close')
})

t.test('all that a ThreadStream hands over at once goes straight to files, which share it, and no queue has a copy', async t => {
  const dir = t.testdir()
  const files = ['a', 'b'].map(name => join(dir, name))
  const stream = await fanout({
    targets: files.map(destination => ({ target: 'pino/file', level: 'trace', options: { destination } })),
    diagnostics: false
  })
  const line = `{"level":30,"msg":"${'né'.repeat(100)}"}\n`
  stream.write(line)
  while (stream.snapshot().sinks.some(({ linesDelivered }) => linesDelivered === 0)) await nextTurn()

  const count = Math.floor(THREAD_STREAM_BYTES / Buffer.byteLength(line))
  stream.write(line.repeat(count))
  // The chunk is worked through in portions, with a turn of the event loop after each.
  const taken = ({ linesReceived }: { linesReceived: number }): boolean => linesReceived === count + 1
  while (!stream.snapshot().sinks.every(taken)) {
    await nextTurn()
    for (const { queueLines } of stream.snapshot().sinks) t.equal(queueLines, 0)
  }
  stream.end()
  await once(stream, 'close')
  for (const file of files) t.ok(readFileSync(file, 'utf8') === line.repeat(1 + count), 'every line is there')
})
