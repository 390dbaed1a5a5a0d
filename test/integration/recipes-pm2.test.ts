import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { freePort } from '../support/real-servers.js'
import { messagesIn, writeRecipes } from '../support/recipes.js'
import { runnerScript, runnersNeeded } from '../support/runners.js'

const LIMIT_MS = 90000
const folder = writeRecipes('pm2')

interface Pm2 {
  file: string
  pm2: (...args: string[]) => Promise<string>
  request: (path: string) => Promise<void>
}

/** A PM2 of its own, which ends with the test. */
async function startPm2 (t: Test): Promise<Pm2> {
  const port = await freePort()
  // Its sockets are in this folder, and their paths must be short.
  const home = mkdtempSync(join(tmpdir(), 'pm2-'))
  const file = join(t.testdir(), 'app.log')
  const { NODE_OPTIONS: _, ...env } = process.env
  const pm2 = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('env', ['-u', 'NODE_OPTIONS', process.execPath, runnerScript('pm2/bin/pm2'), ...args], {
      cwd: folder,
      timeout: LIMIT_MS,
      env: { ...env, PM2_HOME: home, LOG_FILE: file, PORT: String(port) }
    })
    return stdout
  }
  t.teardown(async () => {
    await pm2('kill')
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  })
  return {
    file,
    pm2,
    request: async path => { await (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })).text() }
  }
}

/** The messages of each process, in the order in which the processes have written first. */
function messagesByProcess (file: string): string[][] {
  const found = new Map<number, string[]>()
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    const { pid, msg } = JSON.parse(line) as { pid: number, msg: string }
    found.set(pid, [...found.get(pid) ?? [], msg])
  }
  return [...found.values()]
}

t.test('PM2 reloads a cluster, and each process has written all its lines', runnersNeeded, async t => {
  const { file, pm2, request } = await startPm2(t)
  await pm2('start', 'ecosystem.config.cjs')
  for (let i = 0; i < 20; i++) await request('/before')
  await pm2('reload', 'service')
  for (let i = 0; i < 20; i++) await request('/after')
  await pm2('delete', 'service')
  const processes = messagesByProcess(file)
  t.equal(processes.length, 4, 'two processes, and two after the reload')
  for (const messages of processes) t.equal(messages.at(-1), 'ending', 'the last line of a process is there')
  t.equal(messagesIn(file).filter(message => message === 'request').length, 40)
})

t.test('PM2 restarts a single process, which has written all its lines by then', runnersNeeded, async t => {
  const { file, pm2, request } = await startPm2(t)
  await pm2('start', 'service.mjs', '--name', 'service', '--wait-ready', '--kill-timeout', '10000')
  for (let i = 0; i < 20; i++) await request('/before')
  await pm2('restart', 'service')
  for (let i = 0; i < 20; i++) await request('/after')
  await pm2('stop', 'service')
  const lines = [...Array<string>(20).fill('request'), 'ending']
  t.strictSame(messagesByProcess(file), [lines, lines])
})
