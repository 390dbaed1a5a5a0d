import { parseWords, UsageError, type Command } from '../cli/command.js'
import { loadConfig } from '../cli/config.js'
import { FanoutError } from '../errors.js'
import { planOf } from './plan.js'
import { planText } from './plan-text.js'
import { styleFor } from './style.js'

const usage = `Usage: pino-breaker-fanout check --config <file> [--json]

Checks the options of a transport, finds the module of each target, and prints the plan: what each
target takes, and what happens to its lines when it is down. Nothing is loaded, opened or sent.
Options of what is loaded are not shown.

  --config <file>       options of the transport ({ targets: [...] }), or one target
                        ({ target, options }): a .json file, or a .js, .mjs or .cjs module
  --json                print the plan, or the faults, as JSON

Exit codes: 0 the options are right, there may be warnings; 2 the options or the call were wrong, and
stderr names every fault.
`
const options = { config: { type: 'string' }, json: { type: 'boolean' } } as const

/** Checks a config, and prints what a transport would do with it. */
export const checkCommand: Command = {
  usage,
  async run (words, { stdout }) {
    const { values: { config, json = false }, positionals } = parseWords(words, options)
    if (positionals.length > 0) throw new UsageError(`check: expected no path, got ${positionals.join(', ')}; the file stands behind --config`)
    if (config === undefined) throw new UsageError('check: --config is missing, expected the file that has the options of the transport')
    const settings = await loadConfig(config).catch((error: unknown) => {
      if (json) stdout.write(`${JSON.stringify({ faults: faultsOf(error) }, null, 2)}\n`)
      throw error
    })
    const plan = planOf(settings)
    stdout.write(json ? `${JSON.stringify(plan, null, 2)}\n` : planText(plan, styleFor(process.env, stdout.isTTY === true)))
    return true
  }
}

/** Each fault of the options, with its path; or the one reason why there are no options. */
function faultsOf (error: unknown): string[] {
  const message = error instanceof Error ? error.message : String(error)
  const isOfOptions = error instanceof Error && error.cause instanceof FanoutError && error.cause.code === 'ERR_FANOUT_OPTIONS'
  return isOfOptions ? message.slice(message.indexOf('ERR_FANOUT_OPTIONS: ') + 'ERR_FANOUT_OPTIONS: '.length).split('\n  ') : [message]
}
