import { existsSync, readFileSync } from 'node:fs'
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

/** Threads by /proc, as on Linux. */
export const threadTable: OwnerTable = {
  // Synchronous, since /proc/thread-self is the thread that asks: by a promise it would be one of libuv's pool.
  self () {
    const { number, startTime } = parseStat(readFileSync('/proc/thread-self/stat', 'latin1'))
    return { bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(), pid: process.pid, thread: number, startTime }
  },

  async isAlive ({ bootId, pid, thread, startTime }) {
    if (bootId !== this.self().bootId) return false
    try {
      const found = parseStat(await readFile(`/proc/${pid}/task/${thread}/stat`, 'latin1'))
      return found.startTime === startTime && !found.isDead
    } catch {
      return false
    }
  }
}

/**
 * Processes by their numbers, where there is no /proc: one is alive if its number is in use. A number that somebody else
 * has meanwhile keeps the spool locked, until its lock is removed by hand.
 */
export const processTable: OwnerTable = {
  self: () => ({ bootId: 'unknown', pid: process.pid, thread: threadId, startTime: 0 }),

  async isAlive ({ pid }) {
    try {
      process.kill(pid, 0)
      return true
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM'
    }
  }
}

/** Who is there on this system. */
export const systemOwners: OwnerTable = existsSync('/proc/thread-self/stat') ? threadTable : processTable

/**
 * The fields of /proc/<pid>/stat (proc(5)): the number, the name in parentheses, which may have any character in it, the
 * state, and as the 22nd the start.
 */
export function parseStat (stat: string): { number: number, startTime: number, isDead: boolean } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { number: Number.parseInt(stat), startTime: Number(fields[19]), isDead: fields[0] === 'Z' || fields[0] === 'X' }
}
