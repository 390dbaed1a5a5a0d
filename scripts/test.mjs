// Runs the checks that protect main, one after another, even if one fails. The last line of its output is
// `N passed, N failed`. It counts the assertions of the tests, and each other step as one.
//
//     node scripts/test.mjs          all checks, and the tests that take minutes together
//     node scripts/test.mjs --long   the long tests, on what the first have built, and the coverage of both
//     node scripts/test.mjs --sum    the counts of both
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const testRoot = join(root, 'build', 'test')
const coverage = join(root, 'build', 'coverage')
const results = []

/** The time for a test, unless it has its own; and for a file, which is killed after it. */
const TIMEOUT_SECONDS = 120
const HANG_MS = 15 * 60 * 1000
/** What is checked beside the tests, in two rows side by side. The build has checked the types. */
const CHECKS = [['lint', 'test:types', 'docs:check'], ['build:test', 'publint', 'attw']]
/**
 * Tests with processes, servers and timeouts of their own. They wait most of their time, and pass on a busy machine: so they run one
 * by one beside the unit tests, and the long ones three at a time.
 */
const ALONE = ['integration', 'cases']
/** Those of them that take longer than a quarter of a minute each. */
const LONG = [
  ...['bundlers', 'campaign', 'consumers', 'dead-letters', 'diagnostics', 'ending', 'examples', 'frameworks-installed', 'holding', 'http', 'http-proxy', 'install', 'isolation', 'kafka', 'memory', 'monitor', 'monitor-in-app', 'monitor-page', 'monitor-page-live', 'nats-cluster', 'nats-example', 'nats-kills', 'otlp', 'out-of-memory', 'overload', 'overload-half-minute', 'parity', 'preload', 'process', 'processes-campaign', 'prometheus', 'recipes', 'recipes-pm2', 'recipes-processes', 'recipes-test-runners', 'replay', 'replay-filter', 'restarts', 'run-command', 'run-million', 'runtimes', 'sensing', 'several-processes', 'spool-processes', 'spooling', 'transports', 'trips'].map(name => join('integration', `${name}.test.js`)),
  ...['slow-at-the-end', 'stalled-destination'].map(name => join('cases', `${name}.test.js`))
].map(name => join('build', 'test', name))

if (process.argv.includes('--sum')) {
  for (const run of ['short', 'long']) results.push(...readResults(run))
} else if (process.argv.includes('--long')) {
  await runTap('long', LONG, 3)
  await runScript('coverage', { isShown: true })
  writeResults('long')
} else {
  rmSync(coverage, { recursive: true, force: true })
  await runScript('build')
  await Promise.all(CHECKS.map(async scripts => { for (const script of scripts) await runScript(script) }))
  const folders = readdirSync(testRoot, { withFileTypes: true }).filter(entry => entry.isDirectory()).map(({ name }) => name)
  await Promise.all([
    runTap('unit', ['.', ...folders.filter(name => !ALONE.includes(name))].flatMap(testFiles), availableParallelism()),
    runTap('whole', ALONE.flatMap(testFiles).filter(name => !LONG.includes(name)), 1)
  ])
  writeResults('short')
}
summarize()

/** The test files of a folder, but not those of its folders, unless it is one for itself. */
function testFiles (folder) {
  const entries = readdirSync(join(testRoot, folder), { recursive: folder !== '.' })
  return entries.filter(name => name.endsWith('.test.js')).map(name => join('build', 'test', folder, name)).sort()
}

/** Keeps the results for `--sum`. */
function writeResults (run) {
  writeFileSync(join(root, 'build', `results-${run}.json`), JSON.stringify(results))
}

/** A run without results has failed. */
function readResults (run) {
  try {
    return JSON.parse(readFileSync(join(root, 'build', `results-${run}.json`), 'utf8'))
  } catch {
    return [{ name: run, passed: 0, failed: 1, seconds: 0 }]
  }
}

/** Runs a script of package.json, and shows its output if it fails. */
async function runScript (name, { isShown = false } = {}) {
  const begin = performance.now()
  // A check that packs the package must take the build that is there, and not make it anew under the hands of another check.
  const env = { ...process.env, npm_config_ignore_scripts: 'true' }
  const script = spawn('npm', ['run', '--silent', name], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' })
  const output = []
  for (const stream of [script.stdout, script.stderr]) stream.on('data', data => output.push(data))
  const [status] = await once(script, 'close')
  if (isShown || status !== 0) process.stdout.write(`\n> ${name}\n${Buffer.concat(output)}`)
  results.push({ name, passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, seconds: (performance.now() - begin) / 1000 })
}

async function runTap (name, files, jobs) {
  console.log(`> tests: ${name}, ${files.length} files`)
  mkdirSync(coverage, { recursive: true })
  const begin = performance.now()
  const first = await runTests(files, jobs, `tap-${name}.txt`)
  results.push({ name: `tests: ${name}`, ...first, failed: first.failed - first.crashed.length, seconds: (performance.now() - begin) / 1000 })
  if (first.crashed.length > 0) await runCrashedAgain(first.crashed)
}

/**
 * Runs files again that ended with a segmentation fault. Node.js 20 crashes once in some thousands of times when one worker
 * starts while another is terminated (nodejs/node#56312), which the tests do for minutes. A second crash counts as a failure.
 */
async function runCrashedAgain (files) {
  console.log(`\n> again: Node.js itself crashed in ${files.join(', ')}`)
  const begin = performance.now()
  const { crashed, ...counts } = await runTests(files, 1, 'tap-again.txt')
  results.push({ name: 'tests, again', ...counts, seconds: (performance.now() - begin) / 1000 })
}

/**
 * Runs test files, each in a process, so many at a time. Not by tap's own runner: that loads its hooks into every process that a
 * test starts, which costs each of them a second. Their whole output is in build/tap-*.txt.
 */
async function runTests (files, jobs, log) {
  const output = createWriteStream(join(root, 'build', log))
  const sum = { passed: 0, failed: 0, skipped: 0, crashed: [] }
  const waiting = [...files]
  await Promise.all(Array.from({ length: jobs }, async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const { text, pass, fail, skipped, signal } = await runFile(file)
      output.write(`# ${file}\n${text}`)
      sum.passed += pass
      sum.failed += fail
      sum.skipped += skipped
      if (signal === 'SIGSEGV') sum.crashed.push(file)
    }
  }))
  output.end()
  return sum
}

/** Runs one test file. Shows the details of each failure, and why tests are skipped. */
async function runFile (file) {
  const test = spawn(process.execPath, ['--enable-source-maps', file], {
    cwd: root,
    env: { ...process.env, NODE_V8_COVERAGE: coverage, TAP_TIMEOUT: String(TIMEOUT_SECONDS) },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const limit = setTimeout(() => test.kill('SIGKILL'), HANG_MS)
  const [output, errors] = [[], []]
  test.stdout.on('data', data => output.push(data))
  test.stderr.on('data', data => errors.push(data))
  const [status, signal] = await once(test, 'close')
  clearTimeout(limit)
  const text = Buffer.concat([...output, ...errors]).toString()
  const { pass, fail, skipped } = countsOf(text)
  // A file also fails if it ends with an error without a failed assertion, or without any count.
  const failed = Math.max(fail, status === 0 ? 0 : 1, pass + skipped === 0 ? 1 : 0)
  show(file, text, failed, signal)
  return { text, pass, fail: failed, skipped, signal }
}

/** The counts at the end of a run: `# { total: 5, pass: 3, fail: 1, skip: 1 }`. */
function countsOf (text) {
  const counts = text.split('\n').findLast(line => line.startsWith('# {')) ?? ''
  const count = key => Number(new RegExp(`\\b${key}: (\\d+)`).exec(counts)?.[1] ?? 0)
  return { pass: count('pass'), fail: count('fail'), skipped: count('skip') + count('todo') }
}

function show (file, text, failed, signal) {
  const shown = []
  let failure
  for (const line of text.split('\n')) {
    const indent = line.search(/\S/)
    if (/^ *not ok /.test(line) && !/ # (TODO|SKIP)\b/i.test(line)) failure = indent
    else if (/^ *(ok|not ok|# Subtest|\d+\.\.)/.test(line)) failure = undefined
    if (failure !== undefined || / # SKIP\b/i.test(line)) shown.push(line)
    if (line.trim() === '...' && indent === failure + 2) failure = undefined
  }
  if (failed > 0 && shown.length === 0) shown.push(...text.split('\n').slice(-20))
  if (shown.length > 0) console.log(`\n${file}${signal === null ? '' : `: ended by ${signal}`}\n${shown.join('\n')}`)
}

function summarize () {
  console.log('')
  for (const { name, passed, failed, skipped = 0, seconds } of results) {
    const note = `${failed > 0 ? `, ${failed} failed` : ''}${skipped > 0 ? `, ${skipped} skipped` : ''}`
    console.log(`${name.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s  ${passed} passed${note}`)
  }
  const sum = key => results.reduce((total, result) => total + result[key], 0)
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`)
  process.exitCode = sum('failed') > 0 ? 1 : 0
}
