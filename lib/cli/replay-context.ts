import type { Clock } from '../clock.js'
import type { FanoutSettings } from '../options.js'
import type { ReplayArguments } from './arguments.js'
import type { Filter } from './filter.js'
import type { LineFormat } from './line-facts.js'
import type { Verdict } from './patience.js'
import type { Terminal } from './progress.js'

/** The outside of a command. */
export interface Outside {
  /** For what was asked for. */
  stdout: Pick<Terminal, 'write'>
  /** For progress and what goes wrong. */
  stderr: Terminal
  clock: Clock
  /** Aborted when the user, or the system, wants it to end. */
  stop: AbortSignal
}

/** What all replays are given. */
export interface ReplayContext extends Outside {
  args: ReplayArguments
  settings: FanoutSettings
  format: LineFormat
  filter: Filter
}

/** How the replay of one folder has ended. */
export interface ReplayResult {
  /** Whether nothing is left of what was to be sent. */
  isComplete: boolean
  verdict: Verdict
}

/** Why lines are left of a target, once its sink has ended. */
export function whyLeft (verdict: Verdict, timeoutMs: number, lastError: string | undefined): string {
  const what = verdict === 'stalled' ? `gave up, since nothing was delivered for ${timeoutMs / 1000} s` : 'took all lines, and ended without proof that all have arrived'
  return lastError === undefined ? what : `${what}: ${lastError}`
}

/** `1 line`, `2 lines`. */
export function countOf (lines: number, noun = 'line'): string {
  return `${lines} ${noun}${lines === 1 ? '' : 's'}`
}
