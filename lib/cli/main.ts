import { readFileSync } from 'node:fs'
import { systemClock } from '../clock.js'
import { parseCommand, usage } from './arguments.js'
import { replay } from './replay.js'
import type { Outside } from './replay-context.js'
import { UsageError } from './usage-error.js'

const DONE = 0
const LEFT = 1
const WRONG_CALL = 2

/** Carries out a command line, and ends the process. */
export async function main (args: readonly string[]): Promise<never> {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Who asks twice does not want to wait; no line is lost by that.
      if (stopping.signal.aborted) process.exit(LEFT)
      process.stderr.write(`\n${signal}: stopping, what is not delivered stays\n`)
      stopping.abort()
    })
  }
  const code = await run(args, { stdout: process.stdout, stderr: process.stderr, clock: systemClock, stop: stopping.signal })
  for (const stream of [process.stdout, process.stderr]) await new Promise<void>(resolve => { stream.write('', () => resolve()) })
  // A sink that runs inline may have left anything behind.
  process.exit(code)
}

/** Carries out a command line. @returns the exit code */
export async function run (args: readonly string[], outside: Outside): Promise<number> {
  try {
    const command = parseCommand(args)
    if (command.kind === 'help') outside.stdout.write(usage)
    else if (command.kind === 'version') outside.stdout.write(`${readVersion()}\n`)
    else return await replay(command.replay, outside) ? DONE : LEFT
    return DONE
  } catch (error) {
    const isUsage = error instanceof UsageError
    outside.stderr.write(`pino-breaker-fanout: ${error instanceof Error ? error.message : String(error)}\n${isUsage ? 'See pino-breaker-fanout --help\n' : ''}`)
    return isUsage ? WRONG_CALL : LEFT
  }
}

function readVersion (): string {
  // From dist/esm/lib/cli.
  const { version } = JSON.parse(readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}
