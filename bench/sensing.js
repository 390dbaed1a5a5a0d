// Measures what sensing costs a healthy HTTP sink: the CPU time of the sink's thread with `sense: true` and with
// `sense: false`. The two run one after the other, in pairs, and the result is the medians. Linux only, since it reads the
// time of a thread from /proc. Options: `--only <transport>`, `--seconds <n>` a run (8), `--pairs <n>` (5).
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const LINES_PER_SECOND = 9000

const { only, seconds, pairs } = parseArgs({ options: { only: { type: 'string' }, seconds: { type: 'string', default: '8' }, pairs: { type: 'string', default: '5' } } }).values
const runMs = Number(seconds) * 1000
const names = ['pino-loki', 'pino-elasticsearch'].filter(name => only === undefined || name === only)

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const { startApp } = await import('../build/test/survey/app.js')
const { startBackend } = await import('../build/test/survey/backend.js')
const { transports } = await import('../build/test/survey/transports.js')

console.log(`${pairs} pairs of ${runMs / 1000} s at ${LINES_PER_SECOND} lines a second, node ${process.version}, ${cpus().length} CPUs`)
console.log('| sink | CPU with `sense: false` | with `sense: true` | more |\n| --- | --- | --- | --- |')
for (const name of names) {
  const taken = { true: [], false: [] }
  for (let pair = 0; pair < Number(pairs); pair++) {
    // The order changes from pair to pair, so that neither always runs second.
    for (const sense of pair % 2 === 0 ? [true, false] : [false, true]) taken[sense].push(await run(name, sense))
  }
  const [without, withSense] = [median(taken.false), median(taken.true)]
  console.log(`| ${name} | ${without.toFixed(2)} s | ${withSense.toFixed(2)} s | ${((withSense / without - 1) * 100).toFixed(1)}% |`)
}

async function run (name, sense) {
  const { backend: plan, target } = transports.find(transport => transport.name === name)
  const dir = mkdtempSync(join(tmpdir(), 'bench-sensing-'))
  const backend = await startBackend(plan)
  const report = join(dir, 'cpu')
  const measured = target(backend.address)
  const app = await startApp({
    options: {
      targets: [{
        target: fileURLToPath(new URL('measured-sink.js', import.meta.url)),
        options: { target: measured.target, options: measured.options, report },
        sense
      }],
      diagnostics: false
    },
    linesPerSecond: LINES_PER_SECOND,
    paddingBytes: 0
  })
  app.log()
  await sleep(runMs)
  const logged = await app.pause()
  await app.end(15000)
  await backend.close()
  const seconds = Number(readFileSync(report, 'utf8'))
  rmSync(dir, { recursive: true, force: true })
  // Scaled to the same number of lines in each run.
  return seconds / logged * LINES_PER_SECOND * runMs / 1000
}

function median (numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]
}
