// For measured programs: a process reports measures about itself to the runner through file descriptor 3.
import { readFileSync, writeSync } from 'node:fs'

process.on('exit', tellUsage)

/** Reports what the process has used so far. Called at its exit, too. */
export function tellUsage () {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  tell({ cpuMs: (userCPUTime + systemCPUTime) / 1000, peakRssMb: (peakRssKb() ?? maxRSS) / 1024 })
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

/** The peak memory of this process. Linux passes the parent's peak on in `maxRSS`, so that is not used. */
function peakRssKb () {
  try {
    return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
  } catch {
    return undefined
  }
}
