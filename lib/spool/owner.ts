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

/** The boot of a system that does not tell it. */
const UNKNOWN_BOOT = 'unknown'
/** What a system says of a thread that has ended. */
const GONE = new Set(['ENOENT', 'ESRCH'])

/** Threads by /proc, as on Linux. */
export const threadTable: OwnerTable = {
  // Synchronous, since /proc/thread-self is the thread that asks: by a promise it would be one of libuv's pool.
  self () {
    const { number, startTime } = parseStat(readFileSync('/proc/thread-self/stat', 'latin1'))
    return { bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(), pid: process.pid, thread: number, startTime }
  },

  async isAlive (owner) {
    const { bootId, pid, thread, startTime } = owner
    // Its process may not read /proc, or could not when it took the lock.
    if (bootId === UNKNOWN_BOOT) return await processTable.isAlive(owner)
    if (bootId !== this.self().bootId) return false
    try {
      const found = parseStat(await readFile(`/proc/${pid}/task/${thread}/stat`, 'latin1'))
      return found.startTime === startTime && !found.isDead
    } catch (error) {
      return !GONE.has(String((error as NodeJS.ErrnoException).code)) && await processTable.isAlive(owner)
    }
  }
}

/**
 * Processes by their numbers, where /proc is missing or must not be read: one is alive if its number is in use. A number
 * that another process has meanwhile keeps the spool locked, until its lock is removed by hand.
 */
export const processTable: OwnerTable = {
  self: () => ({ bootId: UNKNOWN_BOOT, pid: process.pid, thread: threadId, startTime: 0 }),

  async isAlive ({ pid }) {
    try {
      process.kill(pid, 0)
      return true
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM'
    }
  }
}

/**
 * The best table that this process may use. It reads /proc at its first use, not before: under Node's permission model
 * an app without a spool need not grant that.
 */
export const systemOwners: OwnerTable = {
  self: () => bestTable().self(),
  isAlive: async owner => await bestTable().isAlive(owner)
}

let best: OwnerTable | undefined

function bestTable (): OwnerTable {
  if (best === undefined) {
    try {
      threadTable.self()
      best = threadTable
    } catch {
      best = processTable
    }
  }
  return best
}

/**
 * The fields of /proc/<pid>/stat (proc(5)): the number, the name in parentheses, which may have any character in it, the
 * state, and as the 22nd the start.
 */
export function parseStat (stat: string): { number: number, startTime: number, isDead: boolean } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { number: Number.parseInt(stat), startTime: Number(fields[19]), isDead: fields[0] === 'Z' || fields[0] === 'X' }
}
