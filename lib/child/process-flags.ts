import type { WorkerOptions } from 'node:worker_threads'
import { withHeapReserve } from './heap-watch.js'

/** The settings of `worker` that a process takes. */
export type ProcessWorkerOptions = Pick<WorkerOptions, 'argv' | 'env' | 'execArgv' | 'name' | 'resourceLimits'> & {
  /** The most memory that the process may have resident, in MB. */
  maxRssMb?: number
}

/** Set in the environment of a sink's process, and so in all that it starts, to the number of the app's process. */
const MARK = 'PINO_FANOUT_SINK_PROCESS'

/** V8's young generation has three semi-spaces. */
const SEMI_SPACES = 3

/** Flags that are about the app's own script or its debugger, and not about code that it loads. */
const APPS_OWN = /^(?:-[cipe]|-pe|--(?:build-snapshot|check|entry-url|eval|input-type|interactive|print|run|(?:env-file|inspect|test|watch)(?:-[a-z-]+)?)(?:=.*)?)$/
/** Those of them whose value is the next argument, even if it looks like a flag. */
const WITH_VALUE = /^(?:-e|-pe|-p|--(?:env-file|env-file-if-exists|eval|input-type|inspect-port|inspect-publish-uid|print|run|watch-path))$/

/** True in the process of a sink, and in every process that it has started. */
export function isInSinkProcess (): boolean {
  return process.env[MARK] !== undefined
}

/** True in the process of a sink only. */
export function isSinkProcess (): boolean {
  return process.env[MARK] === String(process.ppid)
}

/** The environment of a sink's process: the given one, or that of the app, and the mark by which it knows itself. */
export function processEnv ({ env }: ProcessWorkerOptions): NodeJS.ProcessEnv {
  return { ...(typeof env === 'object' ? env as NodeJS.ProcessEnv : process.env), [MARK]: String(process.pid) }
}

/**
 * The flags of Node.js for a sink's process. Limits of the heap are flags, since these hold for every thread that the sink starts.
 * The limit of old objects comes last, so that it is stronger than one of the app; the other one has a default, which is weaker.
 *
 * @param appFlags - The flags of the app, for a target without flags of its own
 */
export function processFlags (worker: ProcessWorkerOptions, appFlags: readonly string[]): string[] {
  const { maxOldGenerationSizeMb: oldMb, maxYoungGenerationSizeMb: youngMb } = withHeapReserve(worker).resourceLimits ?? {}
  return [
    ...youngMb === undefined ? [] : [`--max-semi-space-size=${Math.ceil(youngMb / SEMI_SPACES)}`],
    ...worker.execArgv ?? inheritable(appFlags),
    ...oldMb === undefined ? [] : [`--max-old-space-size=${Math.ceil(oldMb)}`]
  ]
}

function inheritable (flags: readonly string[]): string[] {
  return flags.filter((flag, i) => !APPS_OWN.test(flag) && !isValueOf(flags[i - 1], flag))
}

function isValueOf (flag: string | undefined, argument: string): boolean {
  return flag !== undefined && (WITH_VALUE.test(flag) || (APPS_OWN.test(flag) && !argument.startsWith('-')))
}
