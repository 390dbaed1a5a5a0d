import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { get } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { until } from './fanout-rig.js'

const isCI = process.env['CI'] !== undefined && process.env['CI'] !== 'false'

/** The path of a command, including those for administrators; `undefined` if it is not installed. */
export function findCommand (name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  return folders.map(folder => join(folder, name)).find(path => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Options of a test that needs a server. The test is skipped if the server is not installed, but not in CI, where it fails. */
export function needs (name: string, script = 'scripts/install-servers.sh'): { skip: string | false } {
  return { skip: findCommand(name) === undefined && !isCI && `${name} is not installed: ${script}` }
}

/** A port of 127.0.0.1 that is free now. */
export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A server in a process of its own. */
export interface RealServer {
  start (): Promise<void>
  /** Kills it, as in a crash. */
  kill (): Promise<void>
}

/** Starts a server by a command, waits until it answers at `url`, and kills it at the end of the test. */
export function realServer (t: Test, name: string, args: readonly string[], url: string): RealServer {
  let child: ChildProcess | undefined
  let output = ''
  const server: RealServer = {
    async start () {
      const started = child = spawn(findCommand(name) ?? name, args, { stdio: ['ignore', 'pipe', 'pipe'] })
      for (const stream of [started.stdout, started.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { output += text })
      let isThere = false
      let hasEnded = false
      started.once('exit', () => { hasEnded = true }).on('error', error => {
        output += String(error)
        hasEnded = true
      })
      const knock = (): void => {
        // fetch() fails for a 407.
        get(url, response => response.resume().once('close', () => { isThere = true })).once('error', () => { if (child === started) setTimeout(knock, 50) })
      }
      knock()
      await until(() => isThere || hasEnded, `${name} to answer`)
      if (!isThere) throw new Error(`${name} ended: ${output}`)
    },
    async kill () {
      const killed = child
      child = undefined
      if (killed?.pid === undefined || killed.exitCode !== null || killed.signalCode !== null) return
      const exited = once(killed, 'exit')
      killed.kill('SIGKILL')
      await exited
    }
  }
  t.teardown(() => server.kill())
  return server
}
