import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import t from 'tap'
import { until } from '../support/fanout-rig.js'
import { freePort, needs } from '../support/real-servers.js'
import { runProcess, type RunResult } from '../support/run-process.js'

const LIMIT_MS = 120000
const ROUTE_OFFSET = 2000
const folder = resolve('examples/nats-cluster')
t.setTimeout(4 * LIMIT_MS)

/** Ports for clients whose ports for other nodes are free too. */
async function freePorts (): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < 3) {
    const port = await freePort()
    if (port + ROUTE_OFFSET < 65536 && !ports.has(port - ROUTE_OFFSET) && await isFree(port + ROUTE_OFFSET)) ports.add(port)
  }
  return [...ports]
}

async function isFree (port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  return await new Promise(resolve => server.once('listening', () => server.close(() => resolve(true))).once('error', () => resolve(false)))
}

/** The texts that the page says are printed, in its order. */
function printed (): string[] {
  return [...readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/^```text\n([^]*?)^```$/gm)].map(([, text]) => text!)
}

t.test('the cluster, the app and the consumer print what their page says', needs('nats-server'), async t => {
  const cwd = t.testdir({})
  const ports = await freePorts()
  const env = { NATS_PORTS: ports.join(',') }
  // On the page are the default ports, and some pids.
  const asOnPage = (text: string): string => text.replace(/127\.0\.0\.1:(\d+)/g, (_, port: string) => `127.0.0.1:${4222 + ports.indexOf(Number(port))}`).replace(/pid \d+/g, 'pid')
  const page = printed().map(text => text.replace(/pid \d+/g, 'pid'))
  const [started, logged, killed, archived] = page as [string, string, string, string]
  t.equal(page.length, 4)

  const cluster = spawn(process.execPath, [join(folder, 'cluster.mjs')], { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  cluster.stdout.setEncoding('utf8').on('data', (text: string) => { output += text })
  const ended = once(cluster, 'exit')
  t.teardown(async () => {
    cluster.kill('SIGTERM')
    await ended
  })
  await until(() => output.split('\n').length > 3, 'the nodes to start')
  t.equal(asOnPage(output).split('\n').sort().join('\n').trimStart(), started.split('\n').sort().join('\n').trimStart())

  const numbersOf = (name: string): number[] => readFileSync(join(cwd, name), 'utf8').split('\n').slice(0, -1).map(line => (JSON.parse(line) as { n: number }).n)
  const run = async (script: string, args: readonly string[] = [], during?: () => Promise<void>): Promise<RunResult> =>
    await runProcess(process.execPath, [join(folder, script), ...args], { cwd, env, limitMs: LIMIT_MS, ...during && { during } })
  const first = await run('app.mjs')
  t.equal(first.stdout, logged, first.stderr)

  const second = await run('app.mjs', [], async () => {
    await until(() => numbersOf('app.log').length > 12000, 'the app to log', LIMIT_MS)
    const before = output.length
    process.kill(Number(/n1 .* pid (\d+)/.exec(output)![1]), 'SIGKILL')
    await until(() => asOnPage(output.slice(before)) === killed, `the node to start again: ${output.slice(before)}`, LIMIT_MS)
  })
  t.equal(second.stdout, logged, second.stderr)

  const consumer = await run('consumer.mjs', ['--once'])
  t.equal(consumer.stdout.replace(/^tries again: .*\n/gm, ''), archived)
  const twice = Array.from({ length: 20000 }, (_, index) => 1 + Math.floor(index / 2))
  const archive = [...numbersOf('archive/logs.info.orders.log'), ...numbersOf('archive/logs.error.orders.log')]
  t.same(archive.sort((a, b) => a - b), twice, 'the lines of both runs, each once')
  t.same(numbersOf('app.log').sort((a, b) => a - b), twice)
  t.equal((await run('consumer.mjs', ['--once'])).stdout, '', 'nothing comes again')
})
