import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { workingFolderOf } from '../dead-letters/dead-letter-file.js'
import { LevelNames } from '../levels.js'
import { loadParts } from '../parts.js'
import { nodeFileSystem } from '../spool/node-file-system.js'
import { systemOwners } from '../spool/owner.js'
import { Slots } from '../spool/slots.js'
import { parseWords, UsageError, type Command } from './command.js'
import { loadConfig } from './config.js'
import { replayDeadLetters } from './dead-letter-replay.js'
import { parseFilter } from './filter.js'
import { replaySpool } from './spool-replay.js'

const usage = `Usage: pino-breaker-fanout replay <path> --config <file> [options]

Sends the lines of a dead-letter file or a spool to their target. Lines that are not delivered
stay where they are.

  <path>                a dead-letter file, or the spool folder of one target
  --config <file>       options of the transport ({ targets: [...] }), or one target
                        ({ target, options }): a .json file, or a .js, .mjs or .cjs module
  --target <name>       the target that gets the lines; by default the one that they were for
  --filter <condition>  send only lines with level>=error, level=40, time>=2026-11-24T10:00:00Z,
                        time<...; may be given several times, and all must hold
  --dry-run             print what would be sent, and change nothing
  --timeout <seconds>   stop once nothing was delivered for this long (60)
  -h, --help            print this text (-v, --version: the version)

Exit codes: 0 everything was delivered, 1 something is left, 2 the call was wrong.
`
const options = {
  config: { type: 'string' },
  target: { type: 'string' },
  filter: { type: 'string', multiple: true },
  'dry-run': { type: 'boolean' },
  timeout: { type: 'string' }
} as const
const EXPECTED = 'expected a dead-letter file or the spool folder of a target'
/** The longest delay that a timer takes. */
const MAX_TIMEOUT_S = 2147483

/** Sends lines that were kept. */
export const replayCommand: Command = {
  usage,
  stopText: 'stopping; lines that are not delivered stay where they are',
  async run (words, outside) {
    const { values, positionals: [given = '', ...more] } = parseWords(words, options)
    if (given === '') throw new UsageError(`replay: the path is missing, ${EXPECTED}`)
    if (more.length > 0) throw new UsageError(`replay: expected one path, got ${more.length + 1}: ${[given, ...more].join(', ')}`)
    if (values.config === undefined) throw new UsageError('replay: --config is missing, expected the file that has the options of the transport')
    const timeoutS = Number(values.timeout ?? 60)
    if (!(timeoutS > 0 && timeoutS <= MAX_TIMEOUT_S)) throw new UsageError(`--timeout: expected seconds, more than 0 and at most ${MAX_TIMEOUT_S}, got ${JSON.stringify(values.timeout)}`)
    const settings = await loadConfig(values.config)
    await loadParts(settings.targets)
    for (const warning of settings.warnings) outside.stderr.write(`${warning}\n`)
    const levels = new LevelNames(settings.levels ?? {})
    const path = resolve(given)
    return await (await isSpool(path, given) ? replaySpool : replayDeadLetters)(path, {
      ...outside,
      settings,
      levels,
      targetName: values.target,
      isDryRun: values['dry-run'] === true,
      timeoutMs: timeoutS * 1000,
      isFiltered: values.filter !== undefined,
      select: parseFilter(values.filter ?? [], settings.levelKey, levels)
    })
  }
}

/** True if a path is a spool; otherwise it is a dead-letter file. */
async function isSpool (path: string, given: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() === true) {
    const suffix = workingFolderOf('')
    if (path.endsWith(suffix)) throw new UsageError(`${given}: has the records that an interrupted replay of ${given.slice(0, -suffix.length)} has left: give that path, whether the file exists or not`)
    return true
  }
  // The first slot may be gone while others are left.
  if (found === undefined && (await new Slots(nodeFileSystem, path, systemOwners).list()).length > 0) return true
  // So may the file, while records of an interrupted replay are left.
  if (found?.isFile() === true || await stat(workingFolderOf(path)).then(() => true, () => false)) return false
  throw new UsageError(`${given}: ${found === undefined ? 'there is no such file or folder' : 'is neither a file nor a folder'}, ${EXPECTED}`)
}
