// Splits and routes in this very process, as a worker of pino's would do: `side` is `fanout`, or `targets` for what pino
// runs for its `targets`. The sinks only count. Lines come in chunks of `chunkBytes`, as ThreadStream hands them over.
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import fanout from 'pino-breaker-fanout'
import { chunksOf, levelOf, textOf } from '../lines.js'
import { tell } from '../runner/tell.js'

const require = createRequire(import.meta.url)
const { side, levels, sink, chunkBytes, megabytes, lineBytes } = JSON.parse(process.argv[2])
const LEVEL_VALUES = { trace: 10, debug: 20, info: 30, warn: 40, error: 50 }
const SOURCE_BYTES = Math.max(4 * 2 ** 20, chunkBytes)
const WARM_UP = 0.2
const LIMIT_MS = 60000

// Where the sinks count, since they are in this thread: characters or bytes, as each takes them.
const counts = globalThis.benchCounts = levels.map(() => 0)
const target = new URL(`../sinks/${sink}.js`, import.meta.url).href
const targets = levels.map((level, n) => ({ target, level, options: { sink: n } }))
const stream = side === 'fanout'
  ? await fanout({ targets: targets.map((each, n) => ({ ...each, name: `sink-${n}`, isolation: 'inline' })) })
  : await require('pino/lib/worker.js')({ targets: targets.map(each => ({ ...each, level: LEVEL_VALUES[each.level] })) })

const bytesPerLine = Buffer.byteLength(textOf(20, lineBytes)) / 20
const lines = Math.ceil(SOURCE_BYTES / bytesPerLine / 20) * 20
const source = Array.from(chunksOf(textOf(lines, lineBytes), chunkBytes))
const amounts = levels.map(level => amountFrom(LEVEL_VALUES[level]))
const rounds = Math.max(1, Math.round(megabytes * 2 ** 20 / SOURCE_BYTES))

// Sinks start side by side with the first lines; what is measured begins when all of them are there and warm.
await feed(1)
await feed(Math.ceil(rounds * WARM_UP))
const cpuBefore = process.cpuUsage()
const startedAt = performance.now()
await feed(rounds)
const seconds = (performance.now() - startedAt) / 1000
const { user, system } = process.cpuUsage(cpuBefore)
tell({
  linesPerSecond: rounds * lines / seconds,
  cpuNsPerLine: (user + system) * 1000 / (rounds * lines),
  cpuNsPerKb: (user + system) * 1000 / (rounds * lines * bytesPerLine / 1024),
  nsPerLineAndSink: seconds * 1e9 / (rounds * lines * levels.length)
})
stream.end()

/**
 * Writes the source so many times, a chunk each turn of the event loop, as the worker of ThreadStream does; then waits
 * until every sink has got what it is to get, and no more.
 */
async function feed (times) {
  const want = amounts.map((amount, n) => counts[n] + times * amount)
  for (let i = 0; i < times; i++) {
    for (const chunk of source) await (stream.write(chunk) ? nextTurn() : once(stream, 'drain'))
  }
  const limit = performance.now() + LIMIT_MS
  while (want.some((amount, n) => counts[n] < amount) && performance.now() < limit) await sleep(1)
  if (want.some((amount, n) => counts[n] !== amount)) throw new Error(`the sinks have got ${counts} in place of ${want}`)
}

/** How much of the source is of this level or a higher one. */
function amountFrom (level) {
  const text = source.join('').split(/(?<=\n)/).filter((_, n) => levelOf(n) >= level).join('')
  return sink === 'takes-bytes' ? Buffer.byteLength(text) : text.length
}
