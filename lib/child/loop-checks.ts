import { setFlagsFromString } from 'node:v8'

const FLAG = 'turboshaft-loop-unrolling'
/** The versions of V8 that compile such loops: those of Node.js 24 and 26. */
const AFFECTED = new Set(['13', '14'])

let isDone = false

/**
 * Makes V8 compile loops so that their thread can be terminated.
 *
 * A loop in which an array of a constant size is made (`new Array(1000).fill(0)`) is compiled by V8 13 and 14 without the
 * check for a request to stop: the removal of the check from the short loop that fills the array also hits the loop around
 * it. `terminate()` never ends it, the process cannot exit, and a heap limit ends the process. The flag turns off the
 * compiler pass that does this. It holds for the whole process, and for code that is compiled from now on; an app that
 * names the flag on its own command line keeps its choice.
 *
 * V8 takes no code out of a cache that was written under other flags, so this is for when a sink has started.
 */
export function keepLoopsTerminable (): void {
  if (isDone) return
  isDone = true
  const { v8 = '', bun, deno } = process.versions
  if (bun !== undefined || deno !== undefined || !AFFECTED.has(v8.split('.')[0] ?? '')) return
  if (process.execArgv.some(arg => arg.replaceAll('_', '-').includes(FLAG))) return
  setFlagsFromString(`--no-${FLAG}`)
}
