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
  /** A target is no longer waited for once nothing was delivered to it for this long. */
  timeoutMs: number
  isFiltered: boolean
  /** The facts of a line that is to be sent; `undefined` if the filter holds it back. */
  select: (line: string) => LineFacts | undefined
}
