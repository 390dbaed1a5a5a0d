import { parseRecord } from '../line-head.js'
import { holdsWithoutKey, meets, type LineFields, type Match, type MatchCondition } from './match.js'
import { needlesOf, type ByteCounts, type Needle } from './needle.js'

/** How much of some lines is looked at to find out which bytes are rare in them. */
const SAMPLE_BYTES = 1024

/** A match, with what is searched for before a line is parsed. Needles stand here by their numbers. */
interface SearchedMatch {
  readonly match: Match
  readonly conditions: readonly SearchedCondition[]
}

interface SearchedCondition {
  /** A line without any of these does not have the key. */
  readonly key: readonly number[]
  /** A line without any of these has no value that counts, so that it is like a line without the key; `undefined`: any value may count. */
  readonly values: readonly number[] | undefined
  readonly holdsWithoutKey: boolean
}

/** Some matches, which lines are tested against without parsing most of them. */
export class Matching {
  readonly #matches: readonly SearchedMatch[]
  readonly #needles: Needle[] = []

  constructor (matches: readonly Match[]) {
    const numbers = new Map<string, number>()
    const numberOf = (needle: Needle): number => {
      const number = numbers.get(needle.name) ?? this.#needles.push(needle) - 1
      numbers.set(needle.name, number)
      return number
    }
    this.#matches = matches.map(match => ({
      match,
      conditions: match.map(condition => ({
        key: needlesOf(condition.key).map(numberOf),
        values: valueNeedlesOf(condition)?.map(numberOf),
        holdsWithoutKey: holdsWithoutKey(condition)
      }))
    }))
  }

  /** Begins with the lines in these bytes, which are then tested in their order. */
  over (bytes: Buffer): LineTest {
    return new LineTest(bytes, this.#matches, this.#needles)
  }
}

/** Tests the lines of one batch, in their order. Each needle is searched for once in all of them, and each line parsed at most once. */
export class LineTest {
  /** The number of lines that have been parsed. */
  parsedLines = 0
  readonly #bytes: Buffer
  readonly #matches: readonly SearchedMatch[]
  readonly #needles: readonly Needle[]
  readonly #rarest: readonly number[]
  /** For each needle, where it stands next. */
  readonly #next: number[]
  #parsedAt = -1
  #fields: LineFields

  constructor (bytes: Buffer, matches: readonly SearchedMatch[], needles: readonly Needle[]) {
    this.#bytes = bytes
    this.#matches = matches
    this.#needles = needles
    const counts = countBytes(bytes)
    this.#rarest = needles.map(needle => needle.rarestByte(counts))
    this.#next = needles.map(() => -1)
  }

  /** True if the line from `at` to `end` meets the match with this number. */
  meets (match: number, at: number, end: number): boolean {
    const { match: conditions, conditions: searched } = this.#matches[match] as SearchedMatch
    let isUndecided = false
    for (const { key, values, holdsWithoutKey } of searched) {
      if (this.#hasAny(key, at, end) && (values === undefined || this.#hasAny(values, at, end))) isUndecided = true
      else if (!holdsWithoutKey) return false
    }
    return !isUndecided || meets(this.#parse(at, end), conditions)
  }

  #hasAny (needles: readonly number[], at: number, end: number): boolean {
    for (const needle of needles) if (this.#find(needle, at) < end) return true
    return false
  }

  #find (needle: number, at: number): number {
    let next = this.#next[needle] as number
    if (next < at) {
      next = (this.#needles[needle] as Needle).find(this.#bytes, at, this.#rarest[needle] as number)
      this.#next[needle] = next
    }
    return next
  }

  #parse (at: number, end: number): LineFields {
    if (at !== this.#parsedAt) {
      this.#parsedAt = at
      this.#fields = parseRecord(this.#bytes.toString('utf8', at, end))
      this.parsedLines++
    }
    return this.#fields
  }
}

/**
 * Needles for the values of a condition; `undefined` if its outcome may depend on other values than texts, or on whether the line
 * has the key.
 */
function valueNeedlesOf ({ is, not, prefix, exists }: MatchCondition): Needle[] | undefined {
  if (is?.every(value => typeof value === 'string') === true) return is.flatMap(text => needlesOf(text))
  if (prefix !== undefined) return prefix.flatMap(text => needlesOf(text, true))
  const isOnlyNot = is === undefined && exists === undefined
  return isOnlyNot && not?.every(value => typeof value === 'string') === true ? not.flatMap(text => needlesOf(text)) : undefined
}

function countBytes (bytes: Buffer): ByteCounts {
  const counts = new Uint16Array(256)
  const end = Math.min(bytes.length, SAMPLE_BYTES)
  for (let i = 0; i < end; i++) {
    const byte = bytes[i] as number
    counts[byte] = counts[byte] as number + 1
  }
  return counts
}
