import { readdirSync, readFileSync } from 'node:fs'

/** A process, as Linux tells of it. */
interface ProcessInfo {
  pid: number
  parent: number
  /** Ended, and its parent has not taken notice yet. */
  isZombie: boolean
}

/** The processes that a process has started and that are running. On Linux only. */
export function childrenOf (parent: number | undefined): number[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(name => {
    const info = infoOf(Number(name))
    return info !== undefined && info.parent === parent && !info.isZombie ? [info.pid] : []
  })
}

/** True while a process is running. On Linux only. */
export function isRunning (pid: number): boolean {
  return infoOf(pid)?.isZombie === false
}

function infoOf (pid: number): ProcessInfo | undefined {
  try {
    // The name of the program, in brackets, may have any character.
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')
    return { pid, parent: Number(parent), isZombie: state === 'Z' || state === 'X' }
  } catch {
    return undefined
  }
}
