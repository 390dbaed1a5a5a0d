import type { LevelNames } from '../levels.js'
import type { FanoutSettings } from '../options.js'
import type { Outside } from './command.js'
import type { LineFacts } from './filter.js'

/** Common parameters of every kind of replay. */
export interface ReplayContext extends Outside {
  settings: FanoutSettings
  levels: LevelNames
  /** The target that the user has named. */
  targetName: string | undefined
  isDryRun: boolean
  /** The command stops waiting for a target once nothing was delivered to it for this long. */
  timeoutMs: number
  isFiltered: boolean
  /** The facts of a line that is to be sent; `undefined` if the filter excludes it. */
  select: (line: string) => LineFacts | undefined
}
