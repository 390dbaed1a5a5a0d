import { setFlagsFromString } from 'node:v8'

const FLAG = 'turboshaft-loop-unrolling'
/** The versions of V8 that need the flag: those of Node.js 24 and 26. */
const AFFECTED = new Set(['13', '14'])

let isDone = false

/**
 * Makes V8 compile loops so that their thread can be terminated.
 *
 * V8 13 and 14 compile a loop that makes an array of a constant size (`new Array(1000).fill(0)`) without the check for a request to
 * stop: the compiler removes the check from the short loop that fills the array, and from the loop around it too. Then
 * `terminate()` never ends the thread, the process cannot exit, and a thread that reaches its heap limit ends the whole process. The
 * flag turns off that pass of the compiler, for the whole process and for code compiled from now on. An app that names the flag on its
 * own command line keeps its choice.
 *
 * Call this only after a sink has started: V8 ignores a code cache that was written under other flags, and a start uses the cache.
 */
export function keepLoopsTerminable (): void {
  if (isDone) return
  isDone = true
  const { v8 = '', bun, deno } = process.versions
  if (bun !== undefined || deno !== undefined || !AFFECTED.has(v8.split('.')[0] ?? '')) return
  if (process.execArgv.some(arg => arg.replaceAll('_', '-').includes(FLAG))) return
  setFlagsFromString(`--no-${FLAG}`)
}
