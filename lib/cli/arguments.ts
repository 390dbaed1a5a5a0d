import { parseArgs } from 'node:util'
import { didYouMean } from '../options/nearest.js'
import { UsageError } from './usage-error.js'

/** What `replay` is to do. */
export interface ReplayArguments {
  /** A dead-letter file, or the spool folder of one target. */
  path: string
  /** The file that has the options of the transport, or one target. */
  config: string
  /** The name of the target that gets the lines; `undefined`: it is found out. */
  target: string | undefined
  /** Conditions that a line must meet, all of them. */
  filters: readonly string[]
  isDryRun: boolean
  /**
   * For how long nothing may be delivered before it gives up.
   * @default 60000
   */
  timeoutMs: number
}

/** What was asked for. */
export type Command = { kind: 'help' } | { kind: 'version' } | { kind: 'replay', replay: ReplayArguments }

/** How the program is called. */
export const usage = `Usage: pino-breaker-fanout replay <path> --config <file> [options]

Sends lines that were kept through the target that they are for, and leaves behind exactly
those that were not delivered.

  <path>                a dead-letter file, or the spool folder of one target
  --config <file>       options of the transport ({ targets: [...] }), or one target
                        ({ target, options }): a .json file, or a .js, .mjs or .cjs module
  --target <name>       the target that gets the lines; else the one that they were for
  --filter <condition>  send only lines with: level>=error, level=40, time>=2026-11-24T10:00:00Z,
                        time<...; may be given several times, all must hold
  --dry-run             tell what would be sent, and touch nothing
  --timeout <seconds>   give up once nothing was delivered for so long (60)
  -h, --help            this text
  -v, --version         the version

Exit codes: 0 all was delivered, 1 something was left, 2 the call was wrong.
`

const commands = ['replay']
const options = {
  config: { type: 'string' },
  target: { type: 'string' },
  filter: { type: 'string', multiple: true },
  'dry-run': { type: 'boolean' },
  timeout: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' }
} as const
type OptionName = keyof typeof options

const DEFAULT_TIMEOUT_S = 60
/** The longest delay that a timer takes. */
const MAX_TIMEOUT_S = 2147483

/**
 * Reads a command line, without the names of Node and the program.
 *
 * @throws UsageError that tells the first thing that is wrong with it
 */
export function parseCommand (args: readonly string[]): Command {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const given = new Map<OptionName, string[]>()
  const words: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const name = knownOption(token.name, token.rawName)
    given.set(name, [...given.get(name) ?? [], valueOf(name, token)])
  }
  if (given.has('help')) return { kind: 'help' }
  if (given.has('version')) return { kind: 'version' }
  for (const [name, values] of given) {
    if (values.length > 1 && name !== 'filter') throw new UsageError(`--${name}: is given ${values.length} times, and takes one value`)
  }
  return { kind: 'replay', replay: toReplay(words, given) }
}

function toReplay ([command, path, ...more]: readonly string[], given: ReadonlyMap<OptionName, string[]>): ReplayArguments {
  if (command === undefined) throw new UsageError(`a command is missing, expected ${commands.join(', ')}`)
  if (!commands.includes(command)) throw new UsageError(`there is no command ${JSON.stringify(command)}, expected ${commands.join(', ')}${didYouMean(command, commands)}`)
  if (path === undefined || path === '') throw new UsageError('replay: the path is missing, expected a dead-letter file or the spool folder of a target')
  if (more.length > 0) throw new UsageError(`replay: expected one path, got ${more.length + 1}: ${[path, ...more].join(', ')}`)
  const [config] = given.get('config') ?? []
  if (config === undefined) throw new UsageError('replay: --config is missing, expected the file that has the options of the transport')
  return {
    path,
    config,
    target: given.get('target')?.[0],
    filters: given.get('filter') ?? [],
    isDryRun: given.has('dry-run'),
    timeoutMs: toTimeoutMs(given.get('timeout')?.[0])
  }
}

function knownOption (name: string, rawName: string): OptionName {
  if (Object.hasOwn(options, name)) return name as OptionName
  const names = Object.keys(options).map(name => `--${name}`)
  throw new UsageError(`there is no option ${rawName}, expected one of ${names.join(', ')}${didYouMean(rawName, names)}`)
}

function valueOf (name: OptionName, { value, inlineValue }: { value?: string | undefined, inlineValue?: boolean | undefined }): string {
  if (options[name].type === 'boolean') {
    if (value !== undefined) throw new UsageError(`--${name}: takes no value, got ${JSON.stringify(value)}`)
    return ''
  }
  // What looks like an option is one: the value was forgotten.
  if (value === undefined || value === '' || (inlineValue !== true && value.startsWith('--'))) throw new UsageError(`--${name}: expected a value, got ${value || 'nothing'}`)
  return value
}

function toTimeoutMs (text: string | undefined): number {
  if (text === undefined) return DEFAULT_TIMEOUT_S * 1000
  const seconds = Number(text)
  if (!(seconds > 0 && seconds <= MAX_TIMEOUT_S)) throw new UsageError(`--timeout: expected seconds, more than 0 and at most ${MAX_TIMEOUT_S}, got ${JSON.stringify(text)}`)
  return seconds * 1000
}
