// Shows what a sink loses that takes half of what an app logs, without and with `queue.protectLevel`. It runs an app for each
// case, all at the same time:
//
//     node bench/overload.js                                            all cases, for 30 s, as a table
//     node bench/overload.js --seconds 5 --json --protect --cases block,skip --isolation inline
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const LINES_PER_SECOND = 1000
const LINE_BYTES = 250
const PAD_BYTES = LINE_BYTES - '{"level":20,"time":1700000000000,"id":10000,"pad":""}\n'.length

/** What a full queue drops, and what becomes of lines during an outage in the middle third of the time. */
const CASES = {
  'drop-oldest': { queue: { overflow: 'drop-oldest', blockTimeoutMs: 200 } },
  'drop-newest': { queue: { overflow: 'drop-newest', blockTimeoutMs: 200 } },
  block: { queue: { overflow: 'block' } },
  hold: { queue: { blockTimeoutMs: 200 }, whenOpen: 'hold' },
  skip: { queue: { blockTimeoutMs: 200 }, whenOpen: 'skip' }
}
const TITLES = {
  'drop-oldest': "`overflow: 'drop-oldest'`",
  'drop-newest': "`overflow: 'drop-newest'`",
  block: "`overflow: 'block'`",
  hold: "an outage with `whenOpen: 'hold'`",
  skip: "an outage with `whenOpen: 'skip'`"
}

const { values: { seconds, json, protect, cases, isolation } } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    json: { type: 'boolean', default: false },
    protect: { type: 'boolean', default: false },
    cases: { type: 'string', default: Object.keys(CASES).join() },
    isolation: { type: 'string', default: 'thread' }
  }
})

const names = cases.split(',')
const variants = protect ? [true] : [false, true]
const results = await Promise.all(names.flatMap(name => variants.map(isProtecting => run(name, isProtecting, Number(seconds)))))
if (json) console.log(JSON.stringify(results))
else printTable()

/** Runs an app for one case; returns what arrived of what it had logged. */
async function run (name, isProtecting, seconds) {
  const folder = mkdtempSync(join(tmpdir(), 'overload-'))
  const path = join(folder, 'arrived.ndjson')
  const { queue, whenOpen } = CASES[name]
  const target = {
    name: 'half',
    target: fileURLToPath(new URL('sinks/takes-half.js', import.meta.url)),
    options: { bytesPerSecond: LINES_PER_SECOND * LINE_BYTES / 2, path, ...(whenOpen !== undefined && { outage: [seconds / 3, seconds * 2 / 3] }) },
    level: 'debug',
    isolation,
    queue: { maxBytes: 512 * 1024, ...queue, ...(isProtecting && { protectLevel: 'error' }) },
    ...(whenOpen !== undefined && { whenOpen, breaker: { failureThreshold: 1, recoveryTimeoutMs: 4000 } })
  }
  const plan = JSON.stringify({ seconds, linesPerSecond: LINES_PER_SECOND, padBytes: PAD_BYTES, target })
  const app = spawn(process.execPath, [fileURLToPath(new URL('apps/overload.js', import.meta.url)), plan], { stdio: ['ignore', 'pipe', 'inherit'] })
  const output = []
  app.stdout.on('data', data => output.push(data))
  const [code] = await once(app, 'close')
  const arrived = readFileSync(path, 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line))
  rmSync(folder, { recursive: true })
  if (code !== 0) throw new Error(`the app of ${name} ended with ${code}`)
  return { name, isProtecting, ...JSON.parse(Buffer.concat(output)), ...factsOf(arrived) }
}

/** Lines may arrive twice after an outage: only the first time counts. */
function factsOf (arrived) {
  const seen = new Set()
  const firsts = arrived.filter(({ id }) => !seen.has(id) && seen.add(id))
  return {
    arrived: firsts.length,
    arrivedErrors: firsts.filter(({ level }) => level === 50).map(({ id }) => id),
    isInOrder: firsts.every(({ id }, i) => i === 0 || id > firsts[i - 1].id)
  }
}

function printTable () {
  console.log('| | errors lost | with `protectLevel` | other lines lost | with `protectLevel` |\n|---|---|---|---|---|')
  for (const name of names) {
    const [without, with_] = [false, true].map(isProtecting => results.find(result => result.name === name && result.isProtecting === isProtecting))
    const lostErrors = ({ errors, arrivedErrors }) => `${errors - arrivedErrors.length} of ${errors}`
    const lostOthers = ({ logged, errors, arrived, arrivedErrors }) => percent(logged - errors - arrived + arrivedErrors.length, logged - errors)
    console.log(`| ${TITLES[name]} | ${lostErrors(without)} | ${lostErrors(with_)} | ${lostOthers(without)} | ${lostOthers(with_)} |`)
  }
}

function percent (part, whole) {
  return `${Math.round(100 * part / whole)}%`
}
