// Splits and routes lines in this process, as pino's worker would. `side` is `fanout`, or `targets` for pino's own `targets`.
// The sinks only count. With `match`, the second one takes only lines with `module: 'audit'`, which some or all of the lines have
// according to `modules`. Lines come in chunks of `chunkBytes`, as from ThreadStream.
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import fanout from 'pino-breaker-fanout'
import { chunksOf, isOfAudit, levelOf, textOf } from '../lines.js'
import { tell } from '../runner/tell.js'

const require = createRequire(import.meta.url)
const { side, levels, sink, chunkBytes, megabytes, lineBytes, match, modules } = JSON.parse(process.argv[2])
const LEVEL_VALUES = { trace: 10, debug: 20, info: 30, warn: 40, error: 50 }
const MATCHING_SINK = match ? 1 : undefined
const SOURCE_BYTES = Math.max(4 * 2 ** 20, chunkBytes)
const WARM_UP = 0.2
const LIMIT_MS = 60000

// The counts of the sinks, which are in this thread: in characters or in bytes, depending on the sink.
const counts = globalThis.benchCounts = levels.map(() => 0)
const target = new URL(`../sinks/${sink}.js`, import.meta.url).href
const targets = levels.map((level, n) => ({ target, level, options: { sink: n }, ...n === MATCHING_SINK && { match: { module: 'audit' } } }))
const stream = side === 'fanout'
  ? await fanout({ targets: targets.map((each, n) => ({ ...each, name: `sink-${n}`, isolation: 'inline' })) })
  : await require('pino/lib/worker.js')({ targets: targets.map(each => ({ ...each, level: LEVEL_VALUES[each.level] })) })

const bytesPerLine = Buffer.byteLength(textOf(20, lineBytes, modules)) / 20
const lines = Math.ceil(SOURCE_BYTES / bytesPerLine / 20) * 20
const source = Array.from(chunksOf(textOf(lines, lineBytes, modules), chunkBytes))
const amounts = levels.map((level, n) => amountFrom(LEVEL_VALUES[level], n === MATCHING_SINK))
const rounds = Math.max(1, Math.round(megabytes * 2 ** 20 / SOURCE_BYTES))

// Sinks start while the first lines come. The measurement begins once all of them are started and warm.
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
 * Writes the source a number of times, one chunk in each turn of the event loop, as ThreadStream's worker does. Then waits
 * until every sink has received exactly what it should.
 */
async function feed (times) {
  const want = amounts.map((amount, n) => counts[n] + times * amount)
  for (let i = 0; i < times; i++) {
    for (const chunk of source) await (stream.write(chunk) ? nextTurn() : once(stream, 'drain'))
  }
  const limit = performance.now() + LIMIT_MS
  while (want.some((amount, n) => counts[n] < amount) && performance.now() < limit) await sleep(1)
  if (want.some((amount, n) => counts[n] !== amount)) throw new Error(`the sinks have received ${counts} instead of ${want}`)
}

/** The size of the lines in the source with this level or a higher one, or of those among them that match. */
function amountFrom (level, matches) {
  const text = source.join('').split(/(?<=\n)/).filter((_, n) => levelOf(n) >= level && (!matches || isOfAudit(n))).join('')
  return sink === 'takes-bytes' ? Buffer.byteLength(text) : text.length
}
