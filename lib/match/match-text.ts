import type { Match, MatchCondition, MatchValue } from './match.js'

/** A match in words: `"module" is "audit" or "billing", and "err" exists`. Control characters are escaped. */
export function matchText (match: Match): string {
  return match.flatMap(conditionTexts).join(', and ')
}

function conditionTexts ({ key, is, not, prefix, exists }: MatchCondition): string[] {
  const name = JSON.stringify(key)
  return [
    ...is === undefined ? [] : [`${name} is ${anyOf(is)}`],
    ...not === undefined ? [] : [`${name} is not ${anyOf(not)}`],
    ...prefix === undefined ? [] : [`${name} begins with ${anyOf(prefix)}`],
    ...exists === undefined ? [] : [`${name} ${exists ? 'exists' : 'does not exist'}`]
  ]
}

function anyOf (values: readonly MatchValue[]): string {
  return values.map(value => JSON.stringify(value)).join(' or ')
}
