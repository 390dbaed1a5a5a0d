import { parseArgs, type ParseArgsConfig } from 'node:util'
import type { Clock } from '../clock.js'
import { didYouMean } from '../options/nearest.js'

/** A call that cannot be carried out as it stands: the message says what is wrong, where, and what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A stream that people read, such as `process.stderr`. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write (text: string): unknown
}

/** The parts of its process that a command uses. */
export interface Outside {
  /** For what the user asked for. */
  stdout: Terminal
  /** For progress, summaries and errors. */
  stderr: Terminal
  clock: Clock
  /** Aborted when the user or the system wants the command to end. Its reason is the name of the signal. */
  stop: AbortSignal
}

/** A verb of the command line. */
export interface Command {
  /** The text of `--help`. */
  readonly usage: string
  /** The text for the first signal to end. */
  readonly stopText?: string
  /**
   * @param words - What stands behind the verb
   * @returns true if nothing is left to do
   * @throws UsageError if the call cannot be carried out
   */
  run (words: readonly string[], outside: Outside): Promise<boolean>
}

/** Parses the words behind a verb. An option may be given once, unless it is `multiple`. @throws UsageError that names all options */
export function parseWords<T extends NonNullable<ParseArgsConfig['options']>> (words: readonly string[], options: T): ReturnType<typeof parseArgs<{ options: T, allowPositionals: true, tokens: true }>> {
  const names = Object.keys(options).map(name => options[name]?.type === 'string' ? `--${name} <value>` : `--${name}`)
  try {
    const parsed = parseArgs({ args: [...words], options, strict: true, allowPositionals: true, tokens: true })
    const given = parsed.tokens.flatMap(token => token.kind === 'option' ? token.name : [])
    const repeated = given.find((name, index) => given.indexOf(name) < index && options[name]?.multiple !== true)
    if (repeated !== undefined) throw new Error(`Option '--${repeated}' is given more than once`)
    return parsed
  } catch (error) {
    const { message } = error as Error
    const [, unknown = ''] = /^Unknown option '(.+?)'/.exec(message) ?? []
    throw new UsageError(`${message.replaceAll('\n', ' ')}; allowed: ${names.join(', ')}${didYouMean(unknown, Object.keys(options).map(name => `--${name}`))}`)
  }
}
