// For measured programs: a process reports measures about itself to the runner through file descriptor 3.
import { readFileSync, writeSync } from 'node:fs'

process.on('exit', () => tellUsage())

/**
 * Reports what the process has used so far. Called at its exit, too.
 *
 * @param {number} moreRssKb - The peak memory of another process that is part of what is measured.
 */
export function tellUsage (moreRssKb = 0) {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  tell({ cpuMs: (userCPUTime + systemCPUTime) / 1000, peakRssMb: ((peakRssKb('self') ?? maxRSS) + moreRssKb) / 1024 })
}

/** Reports measures by their names. */
export function tell (measures) {
  try {
    writeSync(3, JSON.stringify(measures) + '\n')
  } catch {
    // A program that was started by hand has no runner.
    if (process.stdout.isTTY) console.log(measures)
  }
}

/** The peak memory of a process. Linux passes the parent's peak on in `maxRSS`, so that is not used. */
export function peakRssKb (pid) {
  try {
    return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    return undefined
  }
}
