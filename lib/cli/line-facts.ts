import type { LevelNames } from '../levels.js'

/** What a filter and a dry run need to know of a line. */
export interface LineFacts {
  /** The value of its level; `undefined` if it has none that is known. */
  level: number | undefined
  /** In ms since the epoch; `undefined` if it has none that can be read. */
  time: number | undefined
}

/** How to find them. */
export interface LineFormat {
  /** The key of the level. */
  levelKey: string
  levels: LevelNames
}

/** In ms this is a day of 1973, in seconds one of the year 5138: no log has either. */
const FIRST_MS = 1e11

/** The level and the time of a line, as pino writes them; also with labels for levels, and with `isoTime` and `unixTime`. */
export function factsOf (line: string, { levelKey, levels }: LineFormat): LineFacts {
  let record: unknown
  try {
    record = JSON.parse(line)
  } catch {
    return { level: undefined, time: undefined }
  }
  if (typeof record !== 'object' || record === null) return { level: undefined, time: undefined }
  const { time, [levelKey]: level } = record as Record<string, unknown>
  return { level: levels.valueOf(level), time: timeOf(time) }
}

function timeOf (time: unknown): number | undefined {
  if (typeof time === 'number') return Math.abs(time) < FIRST_MS ? time * 1000 : time
  const ms = typeof time === 'string' ? Date.parse(time) : NaN
  return Number.isNaN(ms) ? undefined : ms
}
