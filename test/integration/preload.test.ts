import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { nodes } from '../support/nodes.js'
import { runProcess, type RunResult } from '../support/run-process.js'

const LIMIT_MS = 90000
/** Threads that are started without end reach this within some seconds. A process whose files are slow to read may come near it, before its threads have loaded what ends them. */
const MAX_THREADS = 1000
/** Far above what any of these apps has once it is at rest. */
const MAX_THREADS_AT_REST = 40
const SETTLED_MS = 1500
/** Inside of the package, so that the apps find it by its name. */
const folder = join(process.cwd(), 'build', 'preload')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

const transport = (file: string, kind = 'inline'): string => `pino.transport({
  target: 'pino-breaker-fanout',
  options: { targets: [{ target: 'pino/file', isolation: '${kind}', options: { destination: process.env.FOLDER + '/${file}', append: false } }] }
})`
const logger = (kind: string): string => `
  globalThis.log = pino(${transport('app.log', kind)})
  globalThis.log.info('preloaded')
  process.on('warning', warning => globalThis.log.warn(warning.message))`

/** Logs again and again, until the number of threads has not changed for a while. Then it tells the most that there were. */
writeFileSync(join(folder, 'app.cjs'), `
  const { readdirSync } = require('node:fs')
  const countThreads = () => readdirSync('/proc/self/task').length
  let lines = 0
  let most = 0
  let last = 0
  let since = performance.now()
  require('./before.cjs')
  const timer = setInterval(() => {
    const threads = countThreads()
    most = Math.max(most, threads)
    globalThis.log.info('line ' + ++lines)
    if (threads > ${MAX_THREADS}) process.exit(3)
    if (threads !== last) since = performance.now()
    last = threads
    if (performance.now() - since < ${SETTLED_MS} || lines < 20) return
    clearInterval(timer)
    console.log(JSON.stringify({ lines, most, last }))
  }, 50)`)
writeFileSync(join(folder, 'before.cjs'), '')

interface Run extends RunResult {
  counts: { lines: number, most: number, last: number }
  messages: string[]
}

/** Runs the app with a preloaded module, and reads what is in its file. */
async function run (t: Test, preload: string, { flag = '-r', node = process.execPath, extension = 'cjs', before = '' }: { flag?: string, node?: string, extension?: string, before?: string } = {}): Promise<Run> {
  const code = extension === 'cjs' ? `const { pino } = require('pino')\n${preload}` : `import { pino } from 'pino'\n${preload}`
  writeFileSync(join(folder, `preload.${extension}`), code)
  writeFileSync(join(folder, 'before.cjs'), before)
  const files = t.testdir()
  const result = await runProcess('env', [`NODE_OPTIONS=${flag} ./preload.${extension}`, node, 'app.cjs'], { cwd: folder, limitMs: LIMIT_MS, env: { FOLDER: files } })
  t.match(result, { code: 0, signal: null }, result.stderr)
  const counts = JSON.parse(result.stdout) as Run['counts']
  t.ok(counts.last <= MAX_THREADS_AT_REST, `${counts.last} threads at rest, ${counts.most} at most`)
  return { ...result, counts, messages: messagesIn(join(files, 'app.log')) }
}

function messagesIn (file: string): string[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8').trimEnd().split('\n').map(line => (JSON.parse(line) as { msg: string }).msg)
}

const numbered = (count: number): string[] => ['preloaded', ...Array.from({ length: count }, (_, i) => `line ${i + 1}`)]
const isOfApp = (message: string): boolean => message === 'preloaded' || message.startsWith('line ')
const onLinux = { skip: process.platform !== 'linux' && 'threads are counted in /proc' }

for (const { name, path: node, needed } of nodes()) {
  for (const kind of ['inline', 'thread', 'process']) {
    for (const [flag, extension] of [['-r', 'cjs'], ['--import', 'mjs']] as const) {
      t.test(`${name}, ${flag}, ${kind}: a preloaded logger starts no threads without end, says what to do, and loses no line`, { skip: needed.skip || onLinux.skip }, async t => {
        const { counts, messages, stderr } = await run(t, logger(kind), { node, flag, extension })
        t.strictSame(messages.filter(isOfApp), numbered(counts.lines), 'every line is in the file, once')
        t.match(stderr, new RegExp(`ERR_FANOUT_PRELOAD: a preloaded module \\(${flag} ./preload.${extension}\\).*isMainThread`), 'the app is told')
        t.ok(messages.some(message => message.startsWith('ERR_FANOUT_PRELOAD')), 'so is who reads the log')
        t.equal(stderr.split('ERR_FANOUT_PRELOAD').length - 1, 1, 'once')
      })
    }
  }
}

t.test('two transports of a preloaded module do not start threads without end either', onLinux, async t => {
  const preload = `${logger('thread')}\nglobalThis.second = pino(${transport('second.log')})`
  // Where threads get no turn for a second, a transport too many may open its files before it is ended: these must not be emptied.
  const { counts, messages, stderr } = await run(t, preload.replaceAll('append: false', 'append: true'))
  t.strictSame(messages.filter(message => message.startsWith('line ')), numbered(counts.lines).slice(1))
  t.match(stderr, /ERR_FANOUT_PRELOAD/)
})

t.test('a logger that a worker thread of the app makes by the same module goes on as well', onLinux, async t => {
  const before = `
    const { Worker } = require('node:worker_threads')
    new Worker("let n = 0; globalThis.log.info('worker'); const timer = setInterval(() => { globalThis.log.info('of worker ' + ++n); if (n === 40) clearInterval(timer) }, 50)", { eval: true })`
  const preload = logger('inline').replace("'/app.log'", "(require('node:worker_threads').threadId === 0 ? '/app.log' : '/' + process.pid + '-' + require('node:worker_threads').threadId + '.log')")
  const { counts, messages, stderr } = await run(t, preload, { before })
  t.strictSame(messages.filter(isOfApp), numbered(counts.lines))
  t.match(stderr, /ERR_FANOUT_PRELOAD/)
  const others = readdirSync(t.testdirName).filter(name => name !== 'app.log')
  t.equal(others.length, 1, `only the worker has a file of its own: ${others.join(', ')}`)
  t.strictSame(messagesIn(join(t.testdirName, others[0] as string)).filter(message => message.startsWith('of worker')), Array.from({ length: 40 }, (_, i) => `of worker ${i + 1}`))
})

for (const kind of ['inline', 'thread', 'process']) {
  t.test(`${kind}: a module that makes the logger in the main thread only gives no alarm`, onLinux, async t => {
    const { counts, messages, stderr } = await run(t, `if (require('node:worker_threads').isMainThread) {${logger(kind)}}`)
    t.strictSame(messages, numbered(counts.lines))
    t.equal(stderr, '')
  })
}

t.test('nor does one that starts a worker thread of its own, listens for the exit, and loads pino everywhere', onLinux, async t => {
  const { counts, messages, stderr } = await run(t, `
    const { Worker, isMainThread, threadId } = require('node:worker_threads')
    process.on('exit', function onExit () {})
    if (threadId < 3) new Worker('setInterval(() => {}, 1000)', { eval: true, execArgv: [], env: {} }).unref()
    if (isMainThread) {${logger('thread')}}`)
  t.strictSame(messages, numbered(counts.lines))
  t.equal(stderr, '')
})

t.test('nor does the app, when it makes further loggers, one of them in a worker thread', onLinux, async t => {
  const makesLogger = (file: string): string => `{ const { pino } = require('pino'); const log = pino(${transport(file)}); log.info('here') }`
  writeFileSync(join(folder, 'worker.cjs'), makesLogger('third.log'))
  const before = `${makesLogger('second.log')}
    new (require('node:worker_threads').Worker)(require('node:path').join(__dirname, 'worker.cjs'))`
  const { counts, messages, stderr } = await run(t, `if (require('node:worker_threads').isMainThread) {${logger('inline')}}`, { before })
  t.strictSame(messages, numbered(counts.lines))
  t.equal(stderr, '')
  for (const file of ['second.log', 'third.log']) t.strictSame(messagesIn(join(t.testdirName, file)), ['here'])
})
