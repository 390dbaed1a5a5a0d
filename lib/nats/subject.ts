import { standardLevels } from '../levels.js'
import { parseJson } from '../parse-json.js'

const labelOf = new Map(Object.entries(standardLevels).map(([label, value]) => [value, label]))

/** Stands for a field that a line does not have, or that is no text, number or boolean. */
const NO_VALUE = '_'
/** A longer value is cut. A server keeps every subject of a stream in memory. */
const MAX_TOKEN_LENGTH = 100
/** All values of a subject together: a server drops a connection on which a command is longer than 4096 bytes, and three bytes are the most for a character. */
const MAX_VALUES_LENGTH = 1000
/** Characters that part tokens, match others, or that a protocol of lines cannot carry. */
const UNSAFE = /[\s.*>\p{C}]/gu
const UNSAFE_LITERAL = /[\s*>\p{C}]/u
const FIELD = /\{([^{}]*)\}/g

/** A subject, or the form of one: texts around the values of fields. */
export interface SubjectTemplate {
  /** One more than fields. */
  readonly texts: readonly string[]
  readonly fields: readonly string[]
}

/**
 * Parses the template of a subject, such as `logs.{level}.{name}`.
 *
 * @returns what is wrong with it, if it is none
 */
export function parseSubject (given: string): SubjectTemplate | { wrong: string } {
  const fields = [...given.matchAll(FIELD)].map(([, name]) => name as string)
  const texts = given.split(/\{[^{}]*\}/)
  const [first = ''] = texts
  if (texts.some(text => /[{}]/.test(text)) || fields.includes('')) return { wrong: 'each field in braces, as {name}' }
  if (texts.some(text => UNSAFE_LITERAL.test(text))) return { wrong: 'no spaces and no wildcards' }
  if (given.split('.').includes('')) return { wrong: 'no empty tokens' }
  // A value could make it a subject of the server's own API, such as $JS.API.STREAM.PURGE.
  if (fields.length > 0 && !first.includes('.')) return { wrong: 'a first token without fields' }
  if (first.startsWith('$')) return { wrong: 'a subject that does not begin with $, which is the server\'s own' }
  return { texts, fields }
}

/** The subjects that a template can make, with a wildcard in place of each token that has a field. */
export function patternOf ({ texts, fields }: SubjectTemplate): string {
  return texts.map((text, i) => text + (i < fields.length ? '{}' : '')).join('').split('.').map(token => token.includes('{}') ? '*' : token).join('.')
}

/** True if a subject of a stream, which may have wildcards, takes every subject of a pattern. */
export function covers (subject: string, pattern: string): boolean {
  const own = subject.split('.')
  const asked = pattern.split('.')
  for (let n = 0; n < own.length; n++) {
    if (own[n] === '>') return asked.length > n
    if (asked[n] === undefined || (own[n] !== '*' && own[n] !== asked[n])) return false
  }
  return own.length === asked.length
}

/** Makes the subject of each line. A subject without fields costs nothing. */
export class SubjectMaker {
  readonly #template: SubjectTemplate
  readonly #levelKey: string
  readonly #maxTokenLength: number

  constructor (template: SubjectTemplate, levelKey: string) {
    this.#template = template
    this.#levelKey = levelKey
    this.#maxTokenLength = Math.max(1, Math.min(MAX_TOKEN_LENGTH, Math.floor(MAX_VALUES_LENGTH / template.fields.length)))
  }

  /** @param line - Returns the text of a line */
  subjectOf (line: () => string): string {
    const { texts, fields } = this.#template
    let subject = texts[0] as string
    if (fields.length === 0) return subject
    const record = parse(line())
    for (let n = 0; n < fields.length; n++) subject += this.#tokenOf(record, fields[n] as string) + (texts[n + 1] as string)
    return subject
  }

  #tokenOf (record: object | undefined, field: string): string {
    const value: unknown = record !== undefined && Object.hasOwn(record, field) ? Reflect.get(record, field) : undefined
    if (field === this.#levelKey && typeof value === 'number') return this.#toToken(labelOf.get(value) ?? String(value))
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? this.#toToken(String(value)) : NO_VALUE
  }

  /** A text as a token of a subject. */
  #toToken (text: string): string {
    return text === '' ? NO_VALUE : text.slice(0, this.#maxTokenLength).replace(UNSAFE, '_')
  }
}

function parse (line: string): object | undefined {
  try {
    const record = parseJson(line)
    return typeof record === 'object' && record !== null ? record : undefined
  } catch {
    return undefined
  }
}
