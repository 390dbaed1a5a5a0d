import { parseJson } from '../../parse-json.js'

/**
 * Values that are nested deeper are sent as JSON text. Each level takes three messages of the protocol, and some
 * implementations of Protocol Buffers refuse messages that are nested more than 100 deep.
 */
export const MAX_DEPTH = 20

const MAX_KEYS = 1024
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const MARK = '\0int64:'
const MARK_IN_JSON = JSON.stringify(MARK).slice(1, -1)
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g
const INTEGER = /^-?\d+$/

/** Encodes JSON values as `AnyValue` of OTLP, in JSON. */
export class ValueEncoder {
  readonly #keys = new Map<string, string>()

  /** Whether an integer was encoded that JSON.parse() may have rounded. */
  hasRounded = false

  /** A value. A bigint is an integer of {@link parseExactly}. */
  value (value: unknown, depth = 0): string {
    switch (typeof value) {
      case 'string': return `{"stringValue":${JSON.stringify(value)}}`
      case 'number': return this.#number(value)
      case 'boolean': return value ? '{"boolValue":true}' : '{"boolValue":false}'
      case 'bigint': return value >= INT64_MIN && value <= INT64_MAX ? `{"intValue":"${value}"}` : doubleOf(Number(value))
      default: return value === null ? '{}' : this.#nested(value as object, depth + 1)
    }
  }

  /** An attribute, or an entry of a map. */
  entry (key: string, value: unknown, depth = 0): string {
    return `${this.#keyOf(key)}${this.value(value, depth)}}`
  }

  #number (value: number): string {
    if (Number.isSafeInteger(value)) return `{"intValue":"${value}"}`
    if (Number.isInteger(value)) this.hasRounded = true
    return doubleOf(value)
  }

  #nested (value: object, depth: number): string {
    if (depth > MAX_DEPTH) return `{"stringValue":${JSON.stringify(JSON.stringify(value, plainly))}}`
    let values = ''
    if (Array.isArray(value)) {
      for (const item of value) values += values === '' ? this.value(item, depth) : `,${this.value(item, depth)}`
      return `{"arrayValue":{"values":[${values}]}}`
    }
    for (const key of Object.keys(value)) {
      const entry = this.entry(key, (value as Record<string, unknown>)[key], depth)
      values += values === '' ? entry : `,${entry}`
    }
    return `{"kvlistValue":{"values":[${values}]}}`
  }

  /** The beginning of an entry. Lines of a logger have the same few keys. */
  #keyOf (key: string): string {
    const known = this.#keys.get(key)
    if (known !== undefined) return known
    if (this.#keys.size >= MAX_KEYS) this.#keys.clear()
    const beginning = `{"key":${JSON.stringify(key)},"value":`
    this.#keys.set(key, beginning)
    return beginning
  }
}

/** Parses JSON such that an integer that a number cannot have exactly becomes a bigint. */
export function parseExactly (text: string): unknown {
  // A text that has the mark already would be taken for an integer.
  if (text.includes(MARK_IN_JSON)) return parseJson(text)
  const marked = text.replace(STRING_OR_NUMBER, token => INTEGER.test(token) && !Number.isSafeInteger(Number(token)) ? JSON.stringify(MARK + token) : token)
  return parseJson(marked, value => typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value)
}

/** JSON has no infinite numbers: the JSON mapping of Protocol Buffers has texts for them. */
function doubleOf (value: number): string {
  return Number.isFinite(value) ? `{"doubleValue":${value}}` : `{"doubleValue":"${value}"}`
}

function plainly (_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value
}
