import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { freePort } from '../support/real-servers.js'
import { runProcess } from '../support/run-process.js'

const LIMIT_MS = 60000
const root = process.cwd()
// All of them together, on a busy machine.
t.setTimeout(5 * LIMIT_MS)

for (const example of ['plain.mjs', 'plain.cjs']) {
  t.test(`${example} logs to the file, and warnings to the terminal as well`, async t => {
    const cwd = t.testdir({})
    const { code, stdout, stderr } = await runProcess(process.execPath, [join(root, 'examples', example)], { cwd, limitMs: LIMIT_MS })
    t.equal(code, 0)
    t.equal(stderr, '')
    t.match(stdout, /^\[.+\] WARN \(\d+\): this is in the file and on the terminal\n$/)
    t.match(readLog(cwd), [{ level: 30, msg: 'this is in the file' }, { level: 40, msg: 'this is in the file and on the terminal' }])
  })
}

t.test('fastify.mjs logs its requests to both, and ends in good order', async t => {
  const { log, stdout } = await runServer(t.testdir({}), join(root, 'examples', 'fastify.mjs'))
  const messages = log.map(({ msg }) => msg)
  for (const message of ['incoming request', 'order looked up', 'request completed']) {
    t.ok(messages.includes(message), `"${message}" is in the file`)
    t.ok(stdout.includes(message), `"${message}" is on the terminal`)
  }
  t.match(log.find(({ msg }) => msg === 'order looked up'), { order: '7' })
})

t.test('nestjs.ts compiles, logs its requests to both, and ends in good order', async t => {
  // Beside the checkout's own node_modules, or its imports would lead nowhere.
  const compiled = join(root, 'build', 'examples')
  mkdirSync(compiled, { recursive: true })
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const compilation = await runProcess(process.execPath, [
    compiler, '--ignoreConfig', '--module', 'nodenext', '--target', 'es2022', '--strict', '--skipLibCheck', '--experimentalDecorators', '--emitDecoratorMetadata',
    '--types', 'node', '--outDir', compiled, join(root, 'examples', 'nestjs.ts')
  ], { cwd: root, limitMs: LIMIT_MS })
  t.equal(compilation.stdout, '')
  t.equal(compilation.code, 0)

  const { log, stdout } = await runServer(t.testdir({}), join(compiled, 'nestjs.js'))
  const messages = log.map(({ msg }) => msg)
  for (const message of ['Nest application successfully started', 'order looked up', 'request completed']) {
    t.ok(messages.includes(message), `"${message}" is in the file`)
    t.ok(stdout.includes(message), `"${message}" is on the terminal`)
  }
  t.match(log.find(({ msg }) => msg === 'order looked up'), { context: 'orders', order: '7' })
})

t.test('the demo ends with a proof that no line is missing', async t => {
  const { code, stdout, stderr } = await runProcess(process.execPath, [join(root, 'demo', 'demo.js')], { cwd: root, limitMs: LIMIT_MS })
  t.equal(code, 0, stdout)
  t.equal(stderr, '')
  t.match(stdout, 'The collector is killed')
  t.match(stdout, /WARN .*sink circuit open: collector \(network\)/)
  t.match(stdout, /INFO .*sink circuit closed: collector \(probe-succeeded\)/)
  t.match(stdout, /│ collector │ \d+ +│ \d+ +│ 0 +│ \d+ +│/)
  t.match(stdout, 'No line is missing.')
  t.notMatch(stdout, '\x1b', 'what is no terminal gets plain text')
})

/** Runs a server until it has answered one request, tells it to end, and gives what it logged. */
async function runServer (cwd: string, script: string): Promise<{ log: Array<Record<string, unknown>>, stdout: string }> {
  const port = await freePort()
  const { code, signal, stdout, stderr } = await runProcess(process.execPath, [script], {
    cwd,
    env: { PORT: String(port) },
    limitMs: LIMIT_MS,
    during: async child => {
      const response = await request(`http://127.0.0.1:${port}/orders/7`, () => child.exitCode !== null)
      t.same(await response.json(), { order: '7' })
      child.kill('SIGTERM')
    }
  })
  t.equal(stderr, '')
  t.equal(signal, null)
  t.equal(code, 0)
  return { log: readLog(cwd), stdout }
}

/** Asks again until the server is there. */
async function request (url: string, hasEnded: () => boolean): Promise<Response> {
  const limit = AbortSignal.timeout(LIMIT_MS)
  for (;;) {
    try {
      return await fetch(url, { signal: limit, headers: { connection: 'close' } })
    } catch (error) {
      if (limit.aborted || hasEnded()) throw error
      await sleep(50)
    }
  }
}

function readLog (folder: string): Array<Record<string, unknown>> {
  return readFileSync(join(folder, 'app.log'), 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
}
