import { readFileSync, readlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { threadId } from 'node:worker_threads'

/**
 * The owner of a spool. It is a thread, since each thread of a process may have a transport of its own. Start time and
 * boot id distinguish it from a later thread with the same numbers.
 */
export interface Owner {
  /** The boot of the machine, and on Linux the PID namespace of the process: ids of others say nothing about it. */
  readonly bootId: string
  readonly pid: number
  /** The system's thread id; Node's `threadId` where the system has none. */
  readonly thread: number
  /** In ticks since the boot; 0 where it is unknown. */
  readonly startTime: number
}

/** Tells which owners of locks are alive. */
export interface OwnerTable {
  /** The calling thread. */
  self (): Owner
  /**
   * True if {@link isAlive} can tell. It cannot for an owner on another machine, in another container, or of an earlier boot: these look
   * alike from here.
   */
  knows (owner: Owner): boolean
  isAlive (owner: Owner): Promise<boolean>
}

/** Stands for the boot id where the system does not reveal it. */
const UNKNOWN_BOOT = 'unknown'
/** Error codes for a thread that has ended. */
const GONE = new Set(['ENOENT', 'ESRCH'])

/** Finds threads in /proc, on Linux. */
export const threadTable: OwnerTable = {
  // Synchronous, since /proc/thread-self is the thread that reads it: a promise would give a thread of libuv's pool.
  self () {
    const { number, startTime } = parseStat(readFileSync('/proc/thread-self/stat', 'latin1'))
    return { bootId: `${bootId()}-${pidNamespace()}`, pid: process.pid, thread: number, startTime }
  },

  knows: owner => owner.bootId === UNKNOWN_BOOT || owner.bootId === `${bootId()}-${pidNamespace()}`,

  async isAlive (owner) {
    const { pid, thread, startTime } = owner
    // The owner could not read /proc when it took the lock.
    if (owner.bootId === UNKNOWN_BOOT) return await processTable.isAlive(owner)
    if (!this.knows(owner)) return false
    try {
      const found = parseStat(await readFile(`/proc/${pid}/task/${thread}/stat`, 'latin1'))
      return found.startTime === startTime && !found.isDead
    } catch (error) {
      return !GONE.has(String((error as NodeJS.ErrnoException).code)) && await processTable.isAlive(owner)
    }
  }
}

/**
 * Finds processes by their ids, where /proc is missing or not allowed to be read. A process counts as alive if its id is
 * in use. If another process has that id now, the spool stays locked until somebody removes the lock by hand.
 */
export const processTable: OwnerTable = {
  self: () => ({ bootId: UNKNOWN_BOOT, pid: process.pid, thread: threadId, startTime: 0 }),
  knows: () => true,

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
 * The best table that this process may use. It reads /proc only at its first use: under Node's permission model, an app
 * without a spool then need not permit that.
 */
export const systemOwners: OwnerTable = {
  self: () => bestTable().self(),
  knows: owner => bestTable().knows(owner),
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

function bootId (): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}

/** The number of the PID namespace, which each container has one of its own of; `0` where the system does not reveal it. */
function pidNamespace (): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'
  } catch {
    return '0'
  }
}

/**
 * Parses /proc/<pid>/stat (proc(5)). Its fields are the id, the name in parentheses, which may contain any character, the
 * state, and, as the 22nd, the start time.
 */
export function parseStat (stat: string): { number: number, startTime: number, isDead: boolean } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { number: Number.parseInt(stat), startTime: Number(fields[19]), isDead: fields[0] === 'Z' || fields[0] === 'X' }
}
