import { once } from 'node:events'
import { parseWords, UsageError, type Command, type Outside } from '../cli/command.js'
import { loadConfig } from '../cli/config.js'
import { containFaults } from '../child/containment.js'
import { FanoutStream } from '../fanout.js'
import type { FanoutSettings } from '../options.js'
import { loadParts } from '../parts.js'
import { writeToStderr } from '../stderr.js'
import { readInto } from './intake.js'
import { outcomeOf } from './outcome.js'
import { RunDisplay } from './run-display.js'
import { styleFor } from './style.js'

const usage = `Usage: <app> | pino-breaker-fanout run --config <file> [options]

Reads lines from standard input, and sends them to the targets of a config, as the transport does in
an app. On a terminal it shows a table of all targets on stderr, elsewhere a line for each change.

  --config <file>       options of the transport ({ targets: [...] }), or one target
                        ({ target, options }): a .json file, or a .js, .mjs or .cjs module
  --quiet               tell nothing on stderr but errors, and lines that were lost

Signals: SIGHUP reopens the files of all targets. SIGINT and SIGTERM end it once the lines that were
read have arrived, a second one at once.

Exit codes: 0 every line has arrived or is in a spool, 1 lines were lost or left, 2 the call was
wrong.
`
const options = { config: { type: 'string' }, quiet: { type: 'boolean' } } as const

/** Sends what comes on standard input to the targets of a config. */
export const runCommand: Command = {
  usage,
  async run (words, outside) {
    const { values, positionals } = parseWords(words, options)
    if (positionals.length > 0) throw new UsageError(`run: expected no path, got ${positionals.join(', ')}: lines come on standard input`)
    if (values.config === undefined) throw new UsageError('run: --config is missing, expected the file that has the options of the transport')
    return await run(await loadConfig(values.config), outside, values.quiet === true)
  }
}

async function run (settings: FanoutSettings, { stderr, clock, stop }: Outside, isQuiet: boolean): Promise<boolean> {
  // A sink that runs inline must not end the others.
  containFaults()
  await loadParts(settings.targets)
  const stream = new FanoutStream(settings, clock)
  const terminal = {
    get isTTY () { return stderr.isTTY === true },
    get columns () { return stderr.columns ?? 80 },
    get rows () { return stderr.rows ?? 24 },
    // A terminal that stands still (Ctrl-S), or a pipe that nobody reads, must not stop the log.
    write: writeToStderr
  }
  const display = new RunDisplay(stream, { terminal, clock, style: styleFor(process.env, terminal.isTTY), isQuiet })
  stream.listen(display)
  stream.on('monitor', ({ address }: { address: string }) => display.onMonitor(address))
  const release = handleSignals(stream, display, stop)
  for (const warning of settings.warnings) display.note(warning)
  if (process.stdin.isTTY) display.note('reading lines from the terminal; Ctrl-D ends them')

  const intake = await readInto(stream, process.stdin, stop)
  stream.end()
  await once(stream, 'close')
  const last = stream.snapshot()
  const { isComplete, summary } = outcomeOf(last, intake)
  display.end(last, summary)
  release()
  return isComplete
}

/** @returns A function that lets go of the signals */
function handleSignals (stream: FanoutStream, display: RunDisplay, stop: AbortSignal): () => void {
  const reopen = (): void => {
    stream.reopenFiles().then(
      names => display.note(`SIGHUP: ${names.length === 0 ? 'no target writes to a file' : `reopened ${names.join(', ')}`}`),
      (error: unknown) => display.note(`SIGHUP: ${error instanceof Error ? error.message : String(error)}`)
    )
  }
  const suspend = (): void => {
    display.suspend()
    // Without a listener, the signal stops the process.
    process.off('SIGTSTP', suspend)
    process.kill(process.pid, 'SIGTSTP')
  }
  const resume = (): void => {
    process.off('SIGTSTP', suspend).on('SIGTSTP', suspend)
    display.resume()
  }
  const tellStop = (): void => display.noteSignal(`${String(stop.reason)}: ending once the lines that were read have arrived; a second signal ends at once`)
  const restore = (): void => display.suspend()
  process.on('SIGHUP', reopen).on('SIGTSTP', suspend).on('SIGCONT', resume).on('exit', restore)
  stop.addEventListener('abort', tellStop)
  return () => { process.off('SIGHUP', reopen).off('SIGTSTP', suspend).off('SIGCONT', resume).off('exit', restore) }
}
