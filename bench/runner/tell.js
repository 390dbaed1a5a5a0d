// For measured programs: a process reports measures about itself to the runner through file descriptor 3.
import { readdirSync, readFileSync, writeSync } from 'node:fs'

const MS_PER_TICK = 10
const LOOK_MS = 50

/** The peak memory of each process that this one has started, in kB, as far as it was seen. */
const peaksOfChildren = new Map()

let countsChildren = false

process.on('exit', () => tellUsage())

/**
 * Reports what the process has used so far, with the processes that it has started after {@link watchChildren}. Called at its
 * exit, too.
 *
 * @param {number} moreRssKb - The peak memory of another process that is part of what is measured.
 */
export function tellUsage (moreRssKb = 0) {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  if (countsChildren) lookAtChildren()
  const peakKb = [...peaksOfChildren.values()].reduce((sum, kb) => sum + kb, (peakRssKb('self') ?? maxRSS) + moreRssKb)
  tell({ cpuMs: (userCPUTime + systemCPUTime) / 1000 + (countsChildren ? cpuMsOfChildren() : 0), peakRssMb: peakKb / 1024 })
}

/** From now on counts the processes that this one starts. Looks at their memory again and again: nothing tells of it once they have ended. */
export function watchChildren () {
  countsChildren = true
  setInterval(lookAtChildren, LOOK_MS).unref()
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
  const kb = Number(/^VmHWM:\s*(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1])
  return kb > 0 ? kb : undefined
}

function lookAtChildren () {
  for (const pid of children()) peaksOfChildren.set(pid, peakRssKb(pid) ?? peaksOfChildren.get(pid) ?? 0)
}

/** The CPU time of children that have ended, and of those that run. */
function cpuMsOfChildren () {
  const ticks = (pid, fields) => {
    const values = read(`/proc/${pid}/stat`).replace(/^.*\) /s, '').split(' ')
    return fields.reduce((sum, field) => sum + (Number(values[field]) || 0), 0)
  }
  return MS_PER_TICK * children().reduce((sum, pid) => sum + ticks(pid, [11, 12]), ticks('self', [13, 14]))
}

/** Each thread has the processes that it has started. */
function children () {
  try {
    return readdirSync('/proc/self/task').flatMap(thread => read(`/proc/self/task/${thread}/children`).split(' ').filter(Boolean))
  } catch {
    return []
  }
}

function read (file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
