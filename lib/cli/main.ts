import { createRequire } from 'node:module'
import { systemClock } from '../clock.js'
import { didYouMean } from '../options/nearest.js'
import { checkCommand } from '../terminal/check.js'
import { runCommand } from '../terminal/run.js'
import { topCommand } from '../terminal/top.js'
import { printable } from '../terminal/printable.js'
import { UsageError, type Command, type Outside } from './command.js'
import { replayCommand } from './replay.js'

const [DONE, LEFT, WRONG_CALL] = [0, 1, 2]
const commands = new Map<string, Command>([['run', runCommand], ['check', checkCommand], ['top', topCommand], ['replay', replayCommand]])

/** Carries out a command line, and ends the process. */
export async function main (args: readonly string[]): Promise<never> {
  const stopping = new AbortController()
  const { stopText } = commands.get(args[0] ?? '') ?? {}
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // A second signal means that the user does not want to wait.
      if (stopping.signal.aborted) process.exit(LEFT)
      if (stopText !== undefined) process.stderr.write(`\n${signal}: ${stopText}\n`)
      stopping.abort(signal)
    })
  }
  // A reader of the output may go away at any time.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const code = await run(args, { stdout: process.stdout, stderr: process.stderr, clock: systemClock, stop: stopping.signal })
  for (const stream of [process.stdout, process.stderr]) await new Promise<void>(resolve => { stream.write('', () => resolve()) })
  // The exit handlers of a file that could not be opened would throw. A call that hangs in the system keeps the process from its
  // end; without listeners, the next signal ends it.
  for (const event of ['exit', 'SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(event)
  // A sink that runs inline may have left timers or sockets behind.
  process.exit(code)
}

/** Carries out a command line. @returns the exit code */
export async function run (args: readonly string[], outside: Outside): Promise<number> {
  try {
    if (args.includes('--help') || args.includes('-h')) outside.stdout.write(usageOf(args[0]))
    else if (args.includes('--version') || args.includes('-v')) outside.stdout.write(`${readVersion()}\n`)
    else return await runVerb(args, outside) ? DONE : LEFT
    return DONE
  } catch (error) {
    const isUsage = error instanceof UsageError
    outside.stderr.write(`pino-breaker-fanout: ${(error instanceof Error ? error.message : String(error)).split('\n').map(printable).join('\n')}\n${isUsage ? 'See pino-breaker-fanout --help\n' : ''}`)
    return isUsage ? WRONG_CALL : LEFT
  }
}

/** The usage of one verb, or of all. */
function usageOf (verb = ''): string {
  return commands.get(verb)?.usage ?? [...commands.values()].map(({ usage }) => usage).join('\n')
}

async function runVerb ([verb, ...words]: readonly string[], outside: Outside): Promise<boolean> {
  const command = commands.get(verb ?? '')
  if (command !== undefined) return await command.run(words, outside)
  const fault = verb === undefined ? 'a command is missing' : `there is no command ${JSON.stringify(verb)}`
  throw new UsageError(`${fault}, expected ${[...commands.keys()].join(', ')}${didYouMean(verb ?? '', commands.keys())}`)
}

function readVersion (): string {
  const { version } = createRequire(import.meta.url)('pino-breaker-fanout/package.json') as { version: string }
  return version
}
