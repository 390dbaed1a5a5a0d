import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { threadId } from 'node:worker_threads'

/**
 * Who has a spool: a thread, since each thread of a process may have a transport of its own. It is told apart from a
 * later one with the same numbers by when it started, and by the boot of the system.
 */
export interface Owner {
  readonly bootId: string
  readonly pid: number
  /** The system's number of the thread; that of Node where the system tells none. */
  readonly thread: number
  /** In ticks since the boot; 0 where the system does not tell. */
  readonly startTime: number
}

/** Who is there, as far as locks are concerned. */
export interface OwnerTable {
  /** The thread that asks. */
  self (): Owner
  isAlive (owner: Owner): Promise<boolean>
}

/** Where there is no /proc, all boots are one: a process is alive if its number is in use. */
const UNKNOWN_BOOT = 'unknown'

/** The threads of this system: by /proc where there is one, else by the numbers of processes. */
export const systemOwners: OwnerTable = {
  // Synchronous, since /proc/thread-self is the thread that asks: by a promise it would be one of libuv's pool.
  self () {
    try {
      const { number, startTime } = parseStat(readFileSync('/proc/thread-self/stat', 'latin1'))
      return { bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(), pid: process.pid, thread: number, startTime }
    } catch {
      return { bootId: UNKNOWN_BOOT, pid: process.pid, thread: threadId, startTime: 0 }
    }
  },

  async isAlive ({ bootId, pid, thread, startTime }) {
    const own = this.self()
    if (bootId !== own.bootId) return false
    if (bootId === UNKNOWN_BOOT) return isProcess(pid)
    try {
      const found = parseStat(await readFile(`/proc/${pid}/task/${thread}/stat`, 'latin1'))
      return found.startTime === startTime && !found.isDead
    } catch {
      return false
    }
  }
}

/**
 * The fields of /proc/<pid>/stat (proc(5)): the number, the name in parentheses, which may have any character in it, the
 * state, and as the 22nd the start.
 */
export function parseStat (stat: string): { number: number, startTime: number, isDead: boolean } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { number: Number.parseInt(stat), startTime: Number(fields[19]), isDead: fields[0] === 'Z' || fields[0] === 'X' }
}

function isProcess (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
