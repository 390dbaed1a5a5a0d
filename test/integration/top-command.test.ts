import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fanoutSchema } from '#lib/options'
import { until } from '../support/fanout-rig.js'
import { BIN, fileTarget, LIMIT_MS, numbered, RunningCommand, startRun } from '../support/run-command.js'
import { spawnAsUser } from '../support/spawn-as-user.js'

t.setTimeout(2 * LIMIT_MS)

const TOKEN = 'open-sesame'
const HOSTILE = '\u001B[2J\u001B]0;owned\u0007\u202Eloki\nx'
const snapshot = {
  time: 1795514400000,
  upMs: 65000,
  hasEnded: false,
  pid: 4242,
  hostname: 'web-1',
  version: '1.0.0',
  actions: false,
  sinks: [
    { name: 'file', state: 'closed', stateForMs: 65000, retryInMs: 0, linesDelivered: 1000, linesSkipped: 0, linesDropped: {}, queueLines: 0, unsettledLines: 0, spoolLines: 0 },
    { name: HOSTILE, state: 'open', stateForMs: 12000, retryInMs: 18000, linesDelivered: 5, linesSkipped: 3, linesDropped: {}, queueLines: 7, unsettledLines: 0, spoolLines: 0, lastError: { type: 'Error', message: `\u009B31mrefused ${'x'.repeat(100000)}` } }
  ]
}
const transition = { sink: 'file', from: 'closed', to: 'open', reason: 'write-error', generation: 1, consecutiveFailures: 5, openForMs: 0, retryInMs: 30000, time: 1795514400000 }
const TABLE = [
  ', web-1, pid 4242, up 1 min 5 s',
  /^sink .* state .* lost {2}last error$/m,
  /^file .* closed /m,
  /^␛\[2J␛.*… {2}open 12 s, probes .* 7 +3 .*…$/m
]

/** Stands for a monitor: `/snapshot.json`, and `/events`, whose connections a test can write to. */
async function openStub (t: Test, { path, token }: { path?: string, token?: string } = {}): Promise<{ address: string, streams: ServerResponse[] }> {
  const streams: ServerResponse[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) return response.writeHead(401).end()
    if (request.url === '/snapshot.json') return response.end(JSON.stringify(snapshot))
    if (request.url !== '/events') return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    streams.push(response)
  })
  if (path === undefined) server.listen(0, '127.0.0.1')
  else server.listen(path)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { address: path ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`, streams }
}

function top (t: Test, args: readonly string[], env: readonly string[] = []): RunningCommand {
  return new RunningCommand(t, t.testdir({}), ['top', ...args], { command: ['env', ...env, process.execPath, BIN] })
}

t.test('where there is no terminal it prints one table, and neither obeys hostile texts nor lets them fill it', async t => {
  const { address } = await openStub(t)
  const { code, stdout, stderr } = await top(t, [address]).result
  t.same({ code, stderr }, { code: 0, stderr: '' })
  for (const text of [address, ...TABLE]) t.match(stdout, text)
  t.notMatch(stdout, /[\u0080-\u009F\u202E]/)
  t.notMatch(stdout, '\u001B')
  for (const line of stdout.split('\n')) t.ok(line.length <= 80)
})

t.test('a Unix socket is as good', { skip: process.platform === 'win32' }, async t => {
  // Short, since a system knows no long ones.
  const folder = mkdtempSync(join(tmpdir(), 'fanout-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { address } = await openStub(t, { path: join(folder, 'm.sock') })
  const { code, stdout } = await top(t, [address, '--once']).result
  t.equal(code, 0)
  t.match(stdout, `unix:${address}`)
})

t.test('the token comes from the environment, or as an option; without the right one the call was wrong', async t => {
  const { address } = await openStub(t, { token: TOKEN })
  t.equal((await top(t, [address, '--once', '--token', TOKEN]).result).code, 0)
  t.equal((await top(t, [address, '--once'], [`PINO_BREAKER_FANOUT_MONITOR__TOKEN=${TOKEN}`]).result).code, 0)
  t.match(await top(t, [address, '--once']).result, { code: 2, stderr: `top: ${address} wants a token\n` })
  t.match(await top(t, [address, '--once', '--token', 'x']).result, { code: 2, stderr: 'wants another token' })
})

t.test('a monitor that cannot be read is told, with the code 1', async t => {
  const { address } = await openStub(t)
  for (const place of [`${address}/`.replace(/\d+\/$/, '1'), join(t.testdir({}), 'none.sock')]) {
    const { code, stdout, stderr } = await top(t, [place, '--once']).result
    t.same({ code, stdout }, { code: 1, stdout: '' })
    t.match(stderr, /^pino-breaker-fanout: .*connect/)
  }
})

t.test('on a terminal it follows the events, connects again, and ends with q', { skip: process.platform !== 'linux' && 'needs the script of util-linux' }, async t => {
  const { address, streams } = await openStub(t)
  const command = `sh -c 'stty rows 20 cols 100; exec "${process.execPath}" "${BIN}" top ${address}'`
  const child = spawnAsUser('script', ['-qefc', command, '/dev/null'], { cwd: t.testdir({}), env: { ...process.env, TERM: 'xterm', NO_COLOR: undefined, FORCE_COLOR: undefined }, stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => { output += text })
  const seen = async (text: string): Promise<void> => {
    await until(() => output.includes(text), text, LIMIT_MS)
    output = ''
  }
  const send = (name: string, data: unknown): void => { streams.at(-1)?.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`) }
  await until(() => streams.length === 1, 'a connection', LIMIT_MS)
  send('history', { stepMs: 2000, times: [], sinks: {}, transitions: [transition], notices: [{ sink: 'file', kind: 'losing-lines', time: 1795514400001, facts: { lines: 3, withinMs: 10000 } }] })
  await seen('file: closed -> open, write-error; probes in 30 s')
  send('snapshot', snapshot)
  await seen('\u001B[31mopen 12 s, probes in 18 s')
  send('transition', { ...transition, from: 'open', to: 'half-open', reason: 'recovery-due' })
  await seen('file: open -> half-open, recovery-due')
  send('end', { ...snapshot, hasEnded: true })
  await seen('the transport has ended')
  streams.at(-1)?.destroy()
  await until(() => streams.length === 2, 'another connection', LIMIT_MS)
  send('snapshot', { ...snapshot, hostname: 'web-2' })
  await seen('web-2')
  child.stdin?.write('q')
  const [code] = await once(child, 'close') as [number]
  t.equal(code, 0)
  t.match(output, /\[\?1049l/, 'the terminal is given back')
})

const hasMonitor = Object.hasOwn(fanoutSchema.properties ?? {}, 'monitor')
t.test('it shows the monitor of a run', { skip: !hasMonitor && 'this version has no monitor' }, async t => {
  const run = startRun(t, t.testdir({}), { targets: [fileTarget('file')], monitor: { port: 0, token: TOKEN } })
  run.stdin.write(numbered(0))
  await until(() => run.stderr.includes('monitor at http://'), 'the monitor', LIMIT_MS)
  const [address = ''] = /http:\S+/.exec(run.stderr) ?? []
  const { code, stdout, stderr } = await top(t, [address, '--token', TOKEN, '--once']).result
  t.same({ code, stderr }, { code: 0, stderr: '' })
  t.match(stdout, `${address}, `)
  t.match(stdout, /^file +closed /m)
  run.stdin.end()
  t.equal((await run.result).code, 0)
})
