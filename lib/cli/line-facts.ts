import type { LevelNames } from '../levels.js'
import { parseHead } from '../line-head.js'

/** The level and the time of a line, as a filter compares them. */
export interface LineFacts {
  /** The value of the level; `undefined` if the line has none that is known. */
  level: number | undefined
  /** In ms since the epoch; `undefined` if the line has none that can be read. */
  time: number | undefined
}

/** Where a line has its level, and what labels mean. */
export interface LineFormat {
  levelKey: string
  levels: LevelNames
}

/** Reads the facts of a line. A damaged line has none, so the line is parsed as a whole. */
export function factsOf (line: string, { levelKey, levels }: LineFormat): LineFacts {
  const { level, timeNs } = parseHead(line, levelKey, 'time')
  return { level: levels.valueOf(level), time: timeNs === undefined ? undefined : Number(timeNs.slice(0, -6)) }
}
