import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'

const LIMIT_MS = 120000

/**
 * Runs one command as a process, and measures `wallMs` from its start to its exit. Measures that the process reports on
 * file descriptor 3, as lines of JSON, are added: our own programs report `cpuMs` and `peakRssMb` (see tell.js).
 *
 * @param {{ argv: string[], env?: Record<string, string> }} command
 * @returns {Promise<Record<string, number>>}
 */
export async function runSide ({ argv: [file, ...args], env }) {
  const startedAt = performance.now()
  // A process group of its own, so that a shell pipeline that hangs is killed with all its processes.
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit', 'pipe'], detached: true })
  let told = ''
  child.stdio[3].setEncoding('utf8').on('data', text => { told += text })
  let timedOut = false
  const limit = setTimeout(() => {
    timedOut = true
    killGroup(child.pid)
  }, LIMIT_MS)
  const onInterrupt = () => {
    killGroup(child.pid)
    process.exit(130)
  }
  process.once('SIGINT', onInterrupt)

  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal, wallMs: performance.now() - startedAt }))
  const [{ code, signal, wallMs }] = await Promise.all([exited, once(child, 'close')])
  clearTimeout(limit)
  process.off('SIGINT', onInterrupt)
  if (timedOut) throw new Error(`did not end within ${LIMIT_MS / 1000} s`)
  if (code !== 0) throw new Error(`ended with ${signal ?? `code ${code}`}`)
  return Object.assign({ wallMs }, ...told.split('\n').slice(0, -1).map(line => JSON.parse(line)))
}

function killGroup (pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The process has just ended by itself.
  }
}
