// For the programs that are measured: what a process knows of itself goes to the runner by file descriptor 3.
import { readFileSync, writeSync } from 'node:fs'

process.on('exit', tellUsage)

/** Tells what the process has used so far; done at its exit, if it has one. */
export function tellUsage () {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  tell({ cpuMs: (userCPUTime + systemCPUTime) / 1000, peakRssMb: (peakRssKb() ?? maxRSS) / 1024 })
}

/** Tells the runner some measures, by their names. */
export function tell (measures) {
  try {
    writeSync(3, JSON.stringify(measures) + '\n')
  } catch {
    // Started by hand, there is nobody to tell.
    if (process.stdout.isTTY) console.log(measures)
  }
}

/** Linux hands the peak of the parent on to a new process as its `maxRSS`; this one is its own. */
function peakRssKb () {
  try {
    return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
  } catch {
    return undefined
  }
}
