import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../support/real-servers.js'
import { Arrivals } from './arrivals.js'
import type { Backend, BackendMode } from './backend.js'

const PROGRAM = '/usr/sbin/rsyslogd'
const START_LIMIT_MS = 10000
const POLL_MS = 20

/** Whether this system has it; `scripts/install-servers.sh` sees to that. */
export function hasRsyslog (): boolean {
  return existsSync(PROGRAM)
}

/** A real rsyslog with a configuration of its own, that takes syslog by TCP and writes what it is told to a file. */
export async function startRsyslog (): Promise<Backend> {
  const dir = mkdtempSync(join(tmpdir(), 'survey-rsyslog-'))
  const [config, received] = [join(dir, 'rsyslog.conf'), join(dir, 'received.log')]
  const port = await freePort()
  writeFileSync(config, [
    `global(workDirectory="${dir}" maxMessageSize="64k")`,
    'module(load="imtcp")',
    'template(name="message" type="string" string="%msg%\\n")',
    `input(type="imtcp" address="127.0.0.1" port="${port}")`,
    `action(type="omfile" file="${received}" template="message")`
  ].join('\n') + '\n')

  let daemon: ChildProcess | undefined
  const start = async (): Promise<void> => {
    daemon = spawn(PROGRAM, ['-n', '-f', config, '-i', join(dir, 'rsyslog.pid')], { stdio: 'ignore' })
    const deadline = Date.now() + START_LIMIT_MS
    while (!await isListening(port)) {
      if (Date.now() > deadline) throw new Error('rsyslog does not listen')
      await sleep(POLL_MS)
    }
  }
  const kill = async (): Promise<void> => {
    if (daemon === undefined) return
    const exited = once(daemon, 'exit')
    daemon.kill('SIGKILL')
    await exited
    daemon = undefined
    rmSync(join(dir, 'rsyslog.pid'), { force: true })
  }
  await start()
  return {
    address: `127.0.0.1:${port}`,
    async turn (mode: BackendMode) {
      if (mode === 'gone') await kill()
      else if (mode === 'black hole') daemon?.kill('SIGSTOP')
      else if (daemon === undefined) await start()
      else daemon.kill('SIGCONT')
    },
    async arrivals () {
      return readMessages(received)
    },
    async close () {
      await kill()
      rmSync(dir, { recursive: true, force: true })
    }
  }
}

function readMessages (path: string): Map<number, number> {
  const arrivals = new Arrivals()
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  for (const line of text.split('\n')) {
    try {
      arrivals.add((JSON.parse(line) as { msg?: unknown }).msg)
    } catch {
      // rsyslog writes what it got of a line whose connection broke.
    }
  }
  return arrivals.times
}

async function isListening (port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
