import type { LevelNames } from '../levels.js'
import { parseHead } from '../line-head.js'
import { didYouMean } from '../options/nearest.js'
import { UsageError } from './command.js'

/** The value of a line's level, and its time in ms since the epoch; `undefined` if it has none that is known. */
export interface LineFacts { level: number | undefined, time: number | undefined }

const CONDITION = /^\s*(?<field>[A-Za-z]+)\s*(?<operator>>=|<=|!=|=|>|<)\s*(?<value>[^\s=<>!].*?)\s*$/
const EPOCH_MS = /^\d{11,15}$/
const ISO_8601 = /^\d{4}-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?$/
const fields = ['level', 'time']

const operators: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
  '!=': (a, b) => a !== b,
  '=': (a, b) => a === b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b
}

/**
 * Makes one filter of conditions such as `level>=error` and `time<2026-11-24T10:00:00Z`: it returns the facts of a line
 * for which all of them hold. A line without the field of a condition does not meet it.
 *
 * @throws UsageError that says what is wrong with a condition
 */
export function parseFilter (conditions: readonly string[], levelKey: string, levels: LevelNames): (line: string) => LineFacts | undefined {
  const all = conditions.map(condition => parseCondition(condition, levels))
  return line => {
    // The whole line is parsed, since a damaged one has no facts.
    const { level, timeNs } = parseHead(line, levelKey, 'time')
    const facts = { level: levels.valueOf(level), time: timeNs === undefined ? undefined : Number(timeNs.slice(0, -6)) }
    return all.every(holds => holds(facts)) ? facts : undefined
  }
}

function parseCondition (condition: string, levels: LevelNames): (facts: LineFacts) => boolean {
  const { field = '', operator = '', value = '' } = CONDITION.exec(condition)?.groups ?? {}
  const compare = operators[operator]
  const at = `--filter ${JSON.stringify(condition)}`
  if (compare === undefined) throw new UsageError(`${at}: expected level or time, one of ${Object.keys(operators).join(' ')}, and a value, as in level>=error`)
  if (!fields.includes(field)) throw new UsageError(`${at}: there is no field ${JSON.stringify(field)}, expected ${fields.join(' or ')}${didYouMean(field, fields)}`)
  const bound = field === 'level' ? levelOf(value, levels, at) : timeOf(value, at)
  return facts => {
    const actual = facts[field as keyof LineFacts]
    return actual !== undefined && compare(actual, bound)
  }
}

function levelOf (value: string, levels: LevelNames, at: string): number {
  const level = /^\d+(\.\d+)?$/.test(value) ? Number(value) : levels.valueOf(value)
  if (level === undefined) throw new UsageError(`${at}: there is no level ${JSON.stringify(value)}, expected a number or one of ${levels.labels.join(', ')}${didYouMean(value, levels.labels)}`)
  return level
}

function timeOf (value: string, at: string): number {
  const time = EPOCH_MS.test(value) ? Number(value) : ISO_8601.test(value) ? Date.parse(value) : NaN
  if (Number.isNaN(time)) throw new UsageError(`${at}: expected a time as in 2026-11-24T10:00:00Z, or in ms since the epoch, got ${JSON.stringify(value)}`)
  return time
}
