import { once } from 'node:events'
import { resolve } from 'node:path'
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
  collectGarbage()
  const grown = process.memoryUsage().arrayBuffers - before
  t.ok(grown < MOST_BYTES, `${grown} bytes`)
  stream.destroy()
  await once(stream, 'close')
})
