import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runProcess, type RunResult } from '../support/run-process.js'

const LIMIT_MS = 100000
const root = process.cwd()
// It installs packages and runs compilers, which a busy machine takes its time for.
t.setTimeout(3 * LIMIT_MS)

const { devDependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<'devDependencies' | 'peerDependencies', Record<string, string>>

const folder = mkdtempSync(join(tmpdir(), 'pino-breaker-fanout-consumers-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
/** An empty project, far from the checkout, with the packed package and what its users have besides. */
const project = join(folder, 'consumer')
let tarball = ''
let packedFiles: string[] = []
let unpackedSize = 0

t.before(async () => {
  // The build that is being tested is the one to pack: no script builds it anew.
  const packed = await npm(root, 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)
  const [{ filename, files, ...packedPackage }] = JSON.parse(packed.stdout) as [{ filename: string, files: Array<{ path: string }>, unpackedSize: number }]
  unpackedSize = packedPackage.unpackedSize
  tarball = join(folder, filename)
  packedFiles = files.map(({ path }) => path)
  await createProject(project, ...['pino', 'typescript', '@types/node'].map(name => `${name}@${devDependencies[name]}`))
})

t.test('only what a user needs is packed', async t => {
  const documents = packedFiles.filter(path => !path.startsWith('dist/'))
  t.same(documents.sort(), ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
  const built = /^dist\/(?:schema\.json|esm\/[a-z-]+\.(?:js|d\.ts)|cjs\/[a-z-]+\.(?:cjs|d\.cts))$/
  t.same(packedFiles.filter(path => path.startsWith('dist/') && !built.test(path)), [])
  for (const path of ['dist/esm/index.js', 'dist/esm/index.d.ts', 'dist/cjs/index.cjs', 'dist/cjs/index.d.cts', 'dist/schema.json']) t.ok(packedFiles.includes(path), path)
})

t.test('the package is small, and adds nothing that pino does not have already', async t => {
  t.ok(packedFiles.length <= 52, `${packedFiles.length} files`)
  t.ok(unpackedSize <= 2.5 * 2 ** 20, `${unpackedSize} bytes`)
  const alone = join(folder, 'alone')
  mkdirSync(alone)
  writeFileSync(join(alone, 'package.json'), JSON.stringify({ private: true }))
  await npm(alone, 'install', '--prefer-offline', '--no-audit', '--no-fund', `pino@${devDependencies['pino']}`)
  const before = readdirSync(join(alone, 'node_modules'))
  await npm(alone, 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball)
  t.strictSame(readdirSync(join(alone, 'node_modules')).filter(name => !before.includes(name)), ['pino-breaker-fanout'])
})

const ownTarget = `
import { appendFileSync } from 'node:fs'
export default ({ file }) => ({ send: async ({ text }) => appendFileSync(file, text) })
`
const logIt = `
const [file, own] = process.argv.slice(2)
const transport = pino.transport({
  target: 'pino-breaker-fanout',
  options: { targets: [{ target: 'pino/file', options: { destination: file } }, { target: './own-target.mjs', options: { file: own } }] }
})
pino(transport).info('from a consumer')
`

t.test('a CommonJS caller logs through it by its name', t => logsByName(t, 'log.cjs', `const pino = require('pino')\n${logIt}`))
t.test('an ES module logs through it by its name', t => logsByName(t, 'log.mjs', `import pino from 'pino'\n${logIt}`))

const postIt = `
const server = createServer(async (request, response) => {
  console.log((await request.toArray()).join(''))
  response.end()
}).listen(0, '127.0.0.1', () => {
  const options = { url: 'http://127.0.0.1:' + server.address().port }
  const transport = pino.transport({ target: 'pino-breaker-fanout', options: { targets: [{ target: 'pino-breaker-fanout/http', options }] } })
  transport.once('ready', () => {
    const log = pino(transport)
    log.info('from a consumer')
    log.flush(() => {
      transport.end()
      server.close()
    })
  })
})
`

for (const [name, imports] of [
  ['post.cjs', "const pino = require('pino')\nconst { createServer } = require('node:http')"],
  ['post.mjs', "import pino from 'pino'\nimport { createServer } from 'node:http'"]
] as const) {
  t.test(`${name} posts through the HTTP sink by its name`, async t => {
    const { stdout } = await runSource(name, `${imports}\n${postIt}`)
    t.match(JSON.parse(stdout), { level: 30, msg: 'from a consumer' })
  })
}

t.test('the HTTP sink can be required and imported as well', async t => {
  const use = `
try {
  createHttpSink({})
} catch ({ code }) {
  console.log(code)
}`
  const required = await runSource('sink.cjs', `const { default: createHttpSink } = require('pino-breaker-fanout/http')${use}`)
  const imported = await runSource('sink.mjs', `import createHttpSink from 'pino-breaker-fanout/http'${use}`)
  t.same([required.stdout, imported.stdout], ['ERR_FANOUT_OPTIONS\n', 'ERR_FANOUT_OPTIONS\n'])
})

const watchIt = `
const [file] = process.argv.slice(2)
const transport = pino.transport({ target: 'pino-breaker-fanout', options: { targets: [{ name: 'file', target: 'pino/file', options: { destination: file } }] } })
const watch = monitor(transport, { answerTimeoutMs: 20000 })
const seen = []
watch.on('transition', ({ to }) => seen.push(to))
watch.on('end', ({ hasEnded }) => console.log(JSON.stringify([...seen, hasEnded])))
pino(transport).info('from a consumer')
watch.open('nobody').catch(({ code }) => seen.push(code))
  .then(() => watch.open('file'))
  .then(() => watch.close('file'))
  .then(() => watch.reopen())
  .then(files => {
    seen.push(...files)
    transport.end()
  })
`
const watched = ['ERR_FANOUT_UNKNOWN_SINK', 'open', 'closed', 'file', true]

for (const [name, imports] of [
  ['watch.cjs', "const pino = require('pino')\nconst { monitor } = require('pino-breaker-fanout/monitor')"],
  ['watch.mjs', "import pino from 'pino'\nimport { monitor } from 'pino-breaker-fanout/monitor'"]
] as const) {
  t.test(`${name} watches a transport, without a package for metrics`, async t => {
    t.same(JSON.parse((await runSource(name, `${imports}\n${watchIt}`, [`${name}.log`])).stdout), watched)
  })
}

t.test('it does so with the oldest pino that it takes, too', async t => {
  const older = join(folder, 'older')
  const oldest = /\d+\.\d+\.\d+/.exec(peerDependencies['pino'] ?? '')?.[0]
  await createProject(older, `pino@${oldest}`)
  await logsByName(t, 'log.cjs', `const pino = require('pino')\n${logIt}`, older)
  writeFileSync(join(older, 'watch.cjs'), `const pino = require('pino')\nconst { monitor } = require('pino-breaker-fanout/monitor')\n${watchIt}`)
  const { stdout } = succeed(await runProcess(process.execPath, ['watch.cjs', 'watch.log'], { cwd: older, limitMs: LIMIT_MS }))
  t.same(JSON.parse(stdout), watched)
})

t.test('the command is there, and says which version it is', async t => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  t.equal((await npm(project, 'exec', '--offline', '--', 'pino-breaker-fanout', '--version')).stdout, `${version}\n`)
})

t.test('the command sends dead letters again, to a target of the project', async t => {
  writeFileSync(join(project, 'own-target.mjs'), ownTarget)
  writeFileSync(join(project, 'replay.json'), JSON.stringify({ target: './own-target.mjs', options: { file: 'replayed.log' } }))
  writeFileSync(join(project, 'dead.ndjson'), JSON.stringify({ time: 1, sink: 'own', reason: 'r', attempts: 1, line: '{"level":30,"msg":"from a consumer"}' }) + '\n')
  succeed(await runProcess(join(project, 'node_modules', '.bin', 'pino-breaker-fanout'), ['replay', 'dead.ndjson', '--config', 'replay.json'], { cwd: project, limitMs: LIMIT_MS }))
  t.equal(readFileSync(join(project, 'replayed.log'), 'utf8'), '{"level":30,"msg":"from a consumer"}\n')
})

const describe = `
const breaker = new SinkCircuitBreaker('sink', { failureThreshold: 1 })
breaker.recordFailure()
const refusal = await fanout({ targets: [] }).catch(error => error)
console.log(JSON.stringify({ state: breaker.state, refused: refusal instanceof FanoutError, code: refusal.code }))
`
const described = { state: 'open', refused: true, code: 'ERR_FANOUT_OPTIONS' }

t.test('require gives the named exports, and the factory as the default', async t => {
  const imports = "const { default: fanout, SinkCircuitBreaker, FanoutError } = require('pino-breaker-fanout')"
  const { stdout } = await runSource('use.cjs', `${imports}\n;(async () => {${describe}})()`)
  t.same(JSON.parse(stdout), described)
})

t.test('import gives the named exports, and the factory as the default', async t => {
  const { stdout } = await runSource('use.mjs', `import fanout, { SinkCircuitBreaker, FanoutError } from 'pino-breaker-fanout'\n${describe}`)
  t.same(JSON.parse(stdout), described)
})

t.test('what takes long to load is loaded with its first use', async t => {
  const { stdout } = await runSource('late.cjs', `
const loaded = () => [Object.keys(require.cache).some(path => path.endsWith('node_modules/pino/pino.js')), process.moduleLoadList.includes('NativeModule https')]
const { default: fanout } = require('pino-breaker-fanout')
const forDisks = ['crypto', 'internal/fs/promises'].filter(name => process.moduleLoadList.includes('NativeModule ' + name))
const { default: createHttpSink } = require('pino-breaker-fanout/http')
createHttpSink({ url: 'http://127.0.0.1' })
const before = loaded()
createHttpSink({ url: 'https://127.0.0.1' })
console.log(JSON.stringify([before, loaded(), forDisks]))
`)
  t.same(JSON.parse(stdout), [[false, false], [false, true], []])
})

t.test('nothing else is exported, and nothing behind the exports can be reached', async t => {
  const { stdout } = await runSource('keys.mjs', `
import * as exports from 'pino-breaker-fanout'
const inner = await import('pino-breaker-fanout/dist/esm/fanout.js').catch(error => error.code)
console.log(JSON.stringify([Object.keys(exports).sort(), inner]))
`)
  t.same(JSON.parse(stdout), [['FanoutError', 'SinkCircuitBreaker', 'default'], 'ERR_PACKAGE_PATH_NOT_EXPORTED'])
})

t.test('the schema is an export of its own', async t => {
  const { stdout } = await runSource('schema.cjs', "console.log(JSON.stringify(require('pino-breaker-fanout/schema.json')))")
  const schema = JSON.parse(stdout) as { properties: object }
  t.match(Object.keys(schema.properties), ['targets'])
})

const typed = `
import fanout, {
  FanoutError, SinkCircuitBreaker,
  type BreakerOptions, type CircuitState, type DeliverySink, type FanoutOptions, type FanoutSnapshot, type SinkBatch, type TargetOptions, type TransitionEvent
} from 'pino-breaker-fanout'
import createHttpSink, { type HttpSinkOptions } from 'pino-breaker-fanout/http'
import { monitor, type Monitor, type MonitorOptions } from 'pino-breaker-fanout/monitor'
import pino from 'pino'

const http: HttpSinkOptions = { url: 'http://127.0.0.1', format: 'loki', auth: { token: { env: 'TOKEN' } } }
export const httpSink: DeliverySink = createHttpSink(http)
const breaker: BreakerOptions = { failureThreshold: 3 }
const target: TargetOptions = { target: 'pino/file', options: { destination: 1 }, breaker }
const options: FanoutOptions = { targets: [target], whenOpen: 'hold' }
const transport = pino.transport({ target: 'pino-breaker-fanout', options })
transport.on('breaker', (event: TransitionEvent) => console.log(event.sink, event.reason satisfies string))
transport.on('metrics', ({ sinks }: FanoutSnapshot) => console.log(sinks.map(({ name }) => name.toUpperCase())))
pino(transport).info('typed')
const monitorOptions: MonitorOptions = { snapshotIntervalMs: 500 }
const watch: Monitor = monitor(transport, monitorOptions)
watch.on('transition', ({ sink }) => console.log(sink.toUpperCase()))
export const delivered = watch.snapshot().then(({ sinks }) => sinks.map(({ linesDelivered }) => linesDelivered + 1))

const state: CircuitState = new SinkCircuitBreaker('sink', breaker).state
export const sink: DeliverySink = { send: async (batch: SinkBatch) => console.log(batch.text.length, state) }
export const stream = fanout(options).catch((error: unknown) => error instanceof FanoutError && error.code)

// @ts-expect-error there is no such option: the types are not any
export const wrong: FanoutOptions = { target: 'pino/file' }
// @ts-expect-error nor is there such an event
watch.on('transitions', () => {})
// @ts-expect-error nor is there such a format
export const wrongFormat: HttpSinkOptions = { url: 'http://127.0.0.1', format: 'xml' }
`

for (const [moduleKind, resolution, files] of [
  ['node16', 'node16', ['typed.mts', 'typed.cts']],
  ['nodenext', 'nodenext', ['typed.mts', 'typed.cts']],
  ['esnext', 'bundler', ['typed.ts']]
] as const) {
  t.test(`its types are found by ${resolution} resolution, and are sound`, async t => {
    for (const file of files) writeFileSync(join(project, file), typed)
    const compiler = join(project, 'node_modules', 'typescript', 'bin', 'tsc')
    const { code, stdout } = await runProcess(process.execPath, [
      compiler, '--ignoreConfig', '--noEmit', '--strict', '--target', 'es2022', '--module', moduleKind, '--moduleResolution', resolution, '--esModuleInterop', '--types', 'node', ...files
    ], { cwd: project, limitMs: LIMIT_MS })
    t.equal(stdout, '')
    t.equal(code, 0)
  })
}

async function createProject (cwd: string, ...packages: string[]): Promise<void> {
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ private: true }))
  await npm(cwd, 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball, ...packages)
}

async function logsByName (t: Test, name: string, source: string, cwd = project): Promise<void> {
  writeFileSync(join(cwd, name), source)
  writeFileSync(join(cwd, 'own-target.mjs'), ownTarget)
  const files = [join(cwd, `${name}.log`), join(cwd, `${name}-own.log`)]
  succeed(await runProcess(process.execPath, [name, ...files], { cwd, limitMs: LIMIT_MS }))
  for (const file of files) t.match(JSON.parse(readFileSync(file, 'utf8')), { level: 30, msg: 'from a consumer' })
}

async function runSource (name: string, source: string, args: readonly string[] = []): Promise<RunResult> {
  writeFileSync(join(project, name), source)
  return succeed(await runProcess(process.execPath, [name, ...args], { cwd: project, limitMs: LIMIT_MS }))
}

/** The npm that runs these tests, or the one that is installed. */
async function npm (cwd: string, ...args: string[]): Promise<RunResult> {
  const script = process.env['npm_execpath']
  const [command, first] = script?.endsWith('npm-cli.js') === true ? [process.execPath, [script]] : ['npm', []]
  return succeed(await runProcess(command, [...first, ...args], { cwd, limitMs: LIMIT_MS }))
}

function succeed (result: RunResult): RunResult {
  if (result.code !== 0) throw new Error(`exit code ${result.code}, signal ${result.signal}\n${result.stdout}${result.stderr}`)
  return result
}
