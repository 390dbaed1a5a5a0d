import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { addFailingRoute, changeFile, complete, ERROR_OF_A_ROUTE, runFramework, sharedFiles, writeApp, type FrameworkApp } from '../support/frameworks.js'
import { installPackage } from '../support/packed.js'
import { runProcess } from '../support/run-process.js'

const BUILD_LIMIT_MS = 5 * 60 * 1000
const LIMIT_MS = 2 * BUILD_LIMIT_MS

/** Where `scripts/install-frameworks.sh` installs the frameworks. */
const home = resolve('.frameworks')
const modules = join(home, 'node_modules')
const isCI = process.env['CI'] !== undefined && process.env['CI'] !== 'false'
const needed = { skip: !existsSync(modules) && !isCI && 'no frameworks are installed: scripts/install-frameworks.sh', timeout: LIMIT_MS }
t.setTimeout(4 * LIMIT_MS)

/** How each app ends: its exit code by a signal. */
const codes = { SIGTERM: 0, SIGINT: 0 }
/** What Next.js exits with, as a shell does: 128 and the number of the signal. */
const codesOfNext = { SIGTERM: 143, SIGINT: 130 }

t.before(() => {
  if (needed.skip === false) installPackage(modules)
})

for (const framework of ['express', 'hono']) {
  t.test(`the app of the docs for ${framework} delivers all lines when it is ended`, needed, async t => {
    const cwd = emptyHome(framework)
    writeApp(cwd, framework, sharedFiles)
    await endsWell(t, { cwd, args: ['app.mjs'], path: '/', messages: ['handling', 'request completed'] }, codes)
    addFailingRoute(cwd)
    await tellsOfErrors(t, { cwd, args: ['app.mjs'], path: '/', messages: ['handling'] })
  })
}

t.test('so does that for NestJS, with the lines of both of its loggers', needed, async t => {
  const cwd = emptyHome('nestjs')
  writeApp(cwd, 'nestjs', [{ from: 'logger.mjs', to: 'src/logger.ts' }])
  const compiler = [
    join(modules, 'typescript/bin/tsc'), '--module', 'nodenext', '--target', 'es2023', '--strict', '--skipLibCheck',
    '--experimentalDecorators', '--emitDecoratorMetadata', '--types', 'node', '--outDir', 'dist', '--rootDir', 'src', 'src/main.ts'
  ]
  const app = { cwd, args: ['dist/main.js'], path: '/', messages: ['handling', 'request completed'] }
  await build(cwd, compiler)
  await endsWell(t, app, codes)
  t.comment('with the shutdown hooks of NestJS, and an error')
  changeFile(join(cwd, 'src/main.ts'), 'app.useLogger', 'app.enableShutdownHooks()\n  app.useLogger')
  changeFile(join(cwd, 'src/app.module.ts'), '  @Get()', `  @Get('fail')\n  fail () { throw new Error('${ERROR_OF_A_ROUTE}') }\n\n  @Get()`)
  await build(cwd, compiler)
  await endsWell(t, app, codes)
  await tellsOfErrors(t, { ...app, messages: ['handling'] })
})

t.test('so does that for Next.js, set up as create-next-app does, which writes no log while it is built', needed, async t => {
  writeNext()
  changeFile(join(home, 'next.config.mjs'), 'export default {', 'export default {\n  cacheComponents: true,\n  partialPrefetching: true,')
  mkdirSync(join(home, 'app/fail'))
  writeFileSync(join(home, 'app/fail/route.ts'), `import { connection } from 'next/server'
export async function GET (): Promise<Response> {
  await connection()
  throw new Error('${ERROR_OF_A_ROUTE}')
}
`)
  await build(home, [join(modules, 'next/dist/bin/next'), 'build'])
  t.notOk(existsSync(join(home, 'logs')))
  const app = { cwd: home, args: [join(modules, 'next/dist/bin/next'), 'start'], path: '/api/hello', messages: ['handling'] }
  await endsWell(t, app, codesOfNext)
  await tellsOfErrors(t, app)
})

t.test('so it does while it is developed, when Ctrl-C is pressed twice', needed, async t => {
  writeNext()
  const app = { cwd: home, args: [join(modules, 'next/dist/bin/next'), 'dev'], path: '/api/hello', messages: ['handling'] }
  t.match(await runFramework(t, { ...app, end: 'Ctrl-C twice' }), complete(app))
})

t.test('so does that for Next.js standalone, far from node_modules', needed, async t => {
  writeNext()
  changeFile(join(home, 'next.config.mjs'), 'export default {', "export default {\n  output: 'standalone',")
  await build(home, [join(modules, 'next/dist/bin/next'), 'build'])
  const moved = mkdtempSync(join(tmpdir(), 'fanout-standalone-'))
  t.teardown(() => rmSync(moved, { recursive: true }))
  cpSync(join(home, '.next/standalone'), moved, { recursive: true, dereference: true })
  // Next.js repeats the path of the app below the topmost folder that has a lockfile.
  const server = readdirSync(moved, { recursive: true, encoding: 'utf8' }).find(name => name.endsWith('server.js') && !name.includes('node_modules'))
  await endsWell(t, { cwd: join(moved, dirname(server as string)), args: ['server.js'], path: '/api/hello', messages: ['handling'] }, codesOfNext)
})

t.test('an app logs the same with winston, and as the docs say to those who come from it', needed, async t => {
  const cwd = emptyHome('winston')
  mkdirSync(cwd)
  const page = readFileSync('docs/migration.md', 'utf8')
  const [before, after] = [/^<!-- winston: before -->\n```js\n([\s\S]*?)^```$/m, /winston: before[\s\S]*?^<!-- example: run.*\n```js\n([\s\S]*?)^```$/m]
    .map(block => block.exec(page)?.[1] ?? 'missing')
  const linesOf = async (name: string, code: string | undefined): Promise<object[]> => {
    const folder = join(cwd, name)
    mkdirSync(folder)
    writeFileSync(join(folder, 'app.cjs'), code ?? '')
    await build(folder, ['app.cjs'])
    const log = readdirSync(folder).find(file => file.endsWith('.log'))
    return readFileSync(join(folder, log as string), 'utf8').trimEnd().split('\n').map(line => {
      const { level, service, order, ms, message, msg = message } = JSON.parse(line) as Record<string, unknown>
      return { level, service, order, ms, msg }
    })
  }
  const lines = await linesOf('before', before)
  t.equal(lines.length, 4)
  t.same(await linesOf('after', after), lines)
})

/** Leaves only the modules, since the compilers of Next.js look at all that is beside an app. Gives the folder of an app there. */
function emptyHome (app = ''): string {
  for (const name of readdirSync(home)) if (name !== 'node_modules') rmSync(join(home, name), { recursive: true })
  return join(home, app)
}

/** Beside the modules, since `outputFileTracingIncludes` names these. */
function writeNext (): void {
  writeApp(emptyHome(), 'next', [])
}

async function build (cwd: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runProcess(process.execPath, args, { cwd, limitMs: BUILD_LIMIT_MS, env: { NEXT_TELEMETRY_DISABLED: '1' } })
  if (code !== 0) throw new Error(`${args.join(' ')} ended with code ${code}\n${stdout}${stderr}`)
}

async function endsWell (t: Test, app: Omit<FrameworkApp, 'end'>, codes: Record<'SIGTERM' | 'SIGINT', number>): Promise<void> {
  for (const end of ['SIGTERM', 'SIGINT'] as const) {
    t.strictSame(await runFramework(t, { ...app, end }), { code: codes[end], signal: null, stderr: '', ...complete(app) }, end)
  }
}

async function tellsOfErrors (t: Test, app: Omit<FrameworkApp, 'end' | 'failingPath'>): Promise<void> {
  t.match(await runFramework(t, { ...app, failingPath: '/fail', end: 'SIGTERM' }), { ...complete(app), errors: 1 }, 'an error of a route is logged')
}
