import type { Match, MatchCondition, MatchValue } from '../match/match.js'
import type { MatchOperators, TargetOptions } from './types.js'

type GivenMatch = NonNullable<TargetOptions['match']>

/** The complete option `match`, in the same order for equal matches; `undefined` if there is none. */
export function settleMatch (given: GivenMatch | undefined): Match | undefined {
  return given && Object.entries(given).map(([key, value]) => conditionOf(key, value)).sort((a, b) => a.key < b.key ? -1 : 1)
}

function conditionOf (key: string, value: GivenMatch[string]): MatchCondition {
  if (!isOperators(value)) return { key, is: listOf(value) }
  const { not, prefix, exists } = value
  return {
    key,
    ...not !== undefined && { not: listOf(not) },
    ...prefix !== undefined && { prefix: listOf(prefix) },
    ...exists !== undefined && { exists }
  }
}

function isOperators (value: GivenMatch[string]): value is MatchOperators {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The values of an option that takes one or several, each once, in an order of their own. */
function listOf<Value extends MatchValue> (given: Value | readonly Value[]): Value[] {
  const values = typeof given === 'object' && given !== null ? given : [given]
  return [...new Map(values.map(value => [JSON.stringify(value), value]))].sort(([a], [b]) => a < b ? -1 : 1).map(([, value]) => value)
}
