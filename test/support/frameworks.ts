import { type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { openBackend } from './http-backend.js'
import { freePort } from './real-servers.js'
import { runProcess } from './run-process.js'

const LIMIT_MS = 120000
const REQUESTS = 20

/** The message of the error that a route throws at `failingPath`. */
export const ERROR_OF_A_ROUTE = 'the route is broken'

/** The files of docs/frameworks.md, by their paths. */
const files = new Map([...readFileSync('docs/frameworks.md', 'utf8').matchAll(/^<!-- file: (\S+) -->\n```\w+\n([\s\S]*?)^```$/gm)]
  .map(([, path, code]) => [path as string, code as string]))

/** An app of docs/frameworks.md, and how it is run. */
export interface FrameworkApp {
  cwd: string
  args: readonly string[]
  /** @default the Node.js that runs this test */
  command?: string
  /** Where it answers. */
  path: string
  /** What it logs for each request. */
  messages: readonly string[]
  /** Where it throws an error: asked once, before all others. */
  failingPath?: string
  /** What tells it to end: a signal, or Ctrl-C in a terminal, which goes to all processes of a group, and is then pressed again. */
  end: 'SIGTERM' | 'SIGINT' | 'Ctrl-C twice'
}

/** How an app ended, and how often each of its messages has arrived. */
export interface FrameworkResult {
  code: number | null
  signal: NodeJS.Signals | null
  stderr: string
  file: readonly number[]
  http: readonly number[]
  /** The error of `failingPath` in the file: how often. */
  errors: number
}

/** What is expected of an app: every message in both places, once for each request, and no error. */
export function complete ({ messages }: Pick<FrameworkApp, 'messages'>): Pick<FrameworkResult, 'file' | 'http' | 'errors'> {
  const all = messages.map(() => REQUESTS)
  return { file: all, http: all, errors: 0 }
}

/** Changes a file of an app that has been written. */
export function changeFile (path: string, from: string, to: string): void {
  const code = readFileSync(path, 'utf8')
  if (!code.includes(from)) throw new Error(`${path} has no ${from}`)
  writeFileSync(path, code.replace(from, to))
}

/** Adds a route to an app in JavaScript that throws an error at `/fail`. */
export function addFailingRoute (cwd: string): void {
  changeFile(join(cwd, 'app.mjs'), "app.get('/'", `app.get('/fail', () => { throw new Error('${ERROR_OF_A_ROUTE}') })\napp.get('/'`)
}

/** A file of the page. */
export function pageFile (path: string): string {
  const code = files.get(path)
  if (code === undefined) throw new Error(`docs/frameworks.md has no file ${path}`)
  return code
}

/** Writes the files that the page has for a framework, and some that all share. */
export function writeApp (folder: string, framework: string, shared: ReadonlyArray<{ from: string, to: string }>): void {
  const own = [...files.keys()].filter(path => path.startsWith(`${framework}/`)).map(path => ({ from: path, to: path.slice(framework.length + 1) }))
  if (own.length === 0) throw new Error(`docs/frameworks.md has no file of ${framework}`)
  for (const { from, to } of [...own, ...shared]) {
    mkdirSync(dirname(join(folder, to)), { recursive: true })
    writeFileSync(join(folder, to), pageFile(from))
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, scripts: { start: 'node app.mjs' } }))
}

/** The two files that an app in JavaScript needs besides its own. */
export const sharedFiles = ['logger.mjs', 'ending.mjs'].map(name => ({ from: name, to: name }))

/**
 * Runs an app, sends it requests, and tells it to end. From the last request on, the backend of its log answers only once the app
 * has closed its server and has got the second signal: so the app cannot end before.
 */
export async function runFramework (t: Test, { cwd, command = process.execPath, args, path, failingPath, messages, end }: FrameworkApp): Promise<FrameworkResult> {
  const backend = await openBackend(t)
  const held: ServerResponse[] = []
  const release = (): void => {
    backend.answer = response => { response.writeHead(204).end() }
    for (const response of held) response.writeHead(204).end()
  }
  rmSync(join(cwd, 'logs'), { recursive: true, force: true })
  const port = await freePort()
  const isGroup = end === 'Ctrl-C twice'
  const send = (child: ChildProcess): void => {
    if (isGroup) killGroup(child.pid as number)
    else child.kill(end)
  }
  const { code, signal, stderr } = await runProcess(isGroup ? 'setsid' : command, isGroup ? [command, ...args] : args, {
    cwd,
    limitMs: LIMIT_MS,
    env: { PORT: String(port), HOST: '127.0.0.1', HOSTNAME: '127.0.0.1', LOGS_URL: backend.url, NEXT_TELEMETRY_DISABLED: '1' },
    during: async child => {
      const origin = `http://127.0.0.1:${port}`
      const url = `${origin}${path}`
      await until(() => canConnect(port), () => child.exitCode !== null)
      if (failingPath !== undefined) await (await fetch(`${origin}${failingPath}`)).text()
      for (let sent = 1; sent < REQUESTS; sent++) await ask(url)
      backend.answer = response => { held.push(response) }
      await ask(url)
      send(child)
      if (end !== 'SIGTERM') {
        await until(async () => !await canConnect(port), () => child.exitCode !== null)
        send(child)
      }
      release()
    }
  })
  const arrived = [readIfThere(join(cwd, 'logs', 'app.log')), backend.requests.map(({ body }) => body).join('')] as const
  const errors = arrived[0].split(`"message":"${ERROR_OF_A_ROUTE}"`).length - 1
  const [file, http] = arrived.map(text => messages.map(message => text.split(`"msg":"${message}"`).length - 1)) as [number[], number[]]
  return { code, signal, stderr, file, http, errors }
}

async function ask (url: string): Promise<void> {
  const response = await fetch(url)
  const body = await response.text()
  if (response.status !== 200 || body !== '{"ok":true}') throw new Error(`it answered ${response.status}: ${body}`)
}

async function canConnect (port: number): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function until (condition: () => Promise<boolean>, hasEnded: () => boolean): Promise<void> {
  const limit = Date.now() + LIMIT_MS / 2
  while (!await condition()) {
    if (hasEnded()) throw new Error('the app has ended')
    if (Date.now() > limit) throw new Error('the app does nothing')
    await sleep(20)
  }
}

/** As a terminal does. All processes of the group may have ended by now. */
function killGroup (pid: number): void {
  try {
    process.kill(-pid, 'SIGINT')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** An app that is killed at its start has made no file. */
function readIfThere (file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
