import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import type { FailureReason } from '#lib/failure'

/** A way in which a sink misbehaves, and its expected consequences. */
export interface Fault {
  /** The behaviour, worded to follow "a sink that". */
  readonly does: string
  /** `test/fixtures/sink-<fixture>.js` */
  readonly fixture: string
  readonly options?: Readonly<Record<string, unknown>>
  /** It gets the path of a FIFO that nobody reads, as the option `fifo`. */
  readonly needsFifo?: true
  /** The comparison runs it in a process only. In a thread it takes all memory of the machine, or depends on the version of Node.js. */
  readonly isForProcess?: true
  /** Options of the sink's worker. */
  readonly worker?: Readonly<Record<string, unknown>>
  /** Whether it is a delivery sink, which pino's own `targets` do not support. */
  readonly isDelivery?: true
  /** Whether the fault can be contained in a thread that the sink shares with others. */
  readonly inline: boolean
  /** The sink does not report the fault; it can be noticed only if the sink has a thread of its own. */
  readonly isHidden?: true
  /** The reasons with which a lane notices it while lines flow; empty if it is noticed only at the end or never. */
  readonly reasons: readonly FailureReason[]
}

/** The path of its module, from the root of the checkout. */
export function fixturePath ({ fixture }: Fault): string {
  return resolve(`test/fixtures/sink-${fixture}.js`)
}

/** The options of the sink, in an empty folder. */
export function optionsOf ({ options = {}, needsFifo }: Fault, dir: string): Readonly<Record<string, unknown>> {
  if (needsFifo !== true) return options
  const fifo = join(dir, 'fifo')
  execFileSync('mkfifo', [fifo])
  return { ...options, fifo }
}

/** All faults that tests and the comparison go through, except for {@link processFaults}. */
export const faults: readonly Fault[] = [
  { does: 'throws as its module is loaded', fixture: 'throws-on-load', inline: true, reasons: ['start-failed'] },
  { does: 'has a factory that throws', fixture: 'factory-throws', inline: true, reasons: ['start-failed'] },
  { does: 'has a factory that rejects', fixture: 'factory-rejects', inline: true, reasons: ['start-failed'] },
  { does: 'has a factory that returns nothing', fixture: 'returns-nothing', inline: true, reasons: ['start-failed'] },
  { does: 'has a factory that returns garbage', fixture: 'returns-garbage', inline: true, reasons: ['start-failed'] },
  { does: 'never settles its import', fixture: 'import-hangs', inline: true, reasons: ['start-timeout'] },
  { does: 'has a factory that never settles', fixture: 'factory-hangs', inline: true, reasons: ['start-timeout'] },
  { does: 'emits an error at once', fixture: 'errors-at-once', inline: true, reasons: ['stream-error'] },
  { does: 'emits an error after some lines', fixture: 'errors-after-lines', inline: true, reasons: ['stream-error'] },
  { does: 'emits an error for each line', fixture: 'errors-per-line', inline: true, reasons: ['stream-error'] },
  { does: 'emits an error that cannot be cloned', fixture: 'emits-non-cloneable-error', inline: true, reasons: ['stream-error'] },
  { does: 'closes early', fixture: 'closes-early', inline: true, reasons: ['closed-early'] },
  { does: 'finishes early', fixture: 'finishes-early', inline: true, reasons: ['closed-early', 'write-error'] },
  { does: 'ends its readable side early', fixture: 'ends-early', inline: true, reasons: ['closed-early'] },
  { does: 'is destroyed without an event', fixture: 'destroyed-silently', inline: true, reasons: ['destroyed', 'write-error'] },
  { does: 'is errored without an event', fixture: 'errored-silently', inline: true, reasons: ['destroyed'] },
  { does: 'throws in write()', fixture: 'write-throws', inline: true, reasons: ['write-error'] },
  { does: 'calls back with an error for each write', fixture: 'write-callback-errors', inline: true, reasons: ['write-error', 'stream-error'] },
  { does: 'calls back twice for each write', fixture: 'calls-back-twice', inline: true, reasons: ['stream-error'] },
  { does: 'never drains', fixture: 'never-drains', inline: true, reasons: ['write-timeout'] },
  { does: 'never calls back', fixture: 'never-calls-back', inline: true, reasons: ['write-timeout'] },
  { does: 'drips one byte a second', fixture: 'drips', inline: true, reasons: ['write-timeout'] },
  { does: 'throws an uncaught exception', fixture: 'uncaught-exception', inline: true, reasons: ['thread-exit'] },
  { does: 'leaves a rejection unhandled', fixture: 'unhandled-rejection', inline: true, reasons: ['thread-exit'] },
  { does: 'calls process.exit(1)', fixture: 'exits', inline: true, reasons: ['thread-exit'] },
  { does: 'calls process.exit(0)', fixture: 'exits', options: { code: 0 }, inline: true, reasons: ['thread-exit'] },
  { does: 'runs into an endless loop', fixture: 'loops-forever', inline: false, reasons: ['write-timeout'] },
  {
    does: 'runs out of memory',
    fixture: 'runs-out-of-memory',
    worker: { resourceLimits: { maxOldGenerationSizeMb: 32 } },
    inline: false,
    reasons: ['out-of-memory']
  },
  { does: 'hides that its connections are refused', fixture: 'refused', inline: true, isHidden: true, reasons: ['network'] },
  { does: 'hides that its connections are reset', fixture: 'reset', inline: true, isHidden: true, reasons: ['network'] },
  { does: 'hides that its peer has hung', fixture: 'black-holed', inline: true, isHidden: true, reasons: ['write-timeout'] },
  { does: 'hides that its server answers 503', fixture: 'answers-503', inline: true, isHidden: true, reasons: ['http-503'] },
  { does: 'posts an unknown code to its parent', fixture: 'posts-unknown-code', inline: true, reasons: ['thread-exit', 'stream-error'] },
  { does: 'posts malformed messages to its parent', fixture: 'posts-malformed-messages', inline: true, reasons: [] },
  { does: 'posts an error and a close as events', fixture: 'posts-error-event', inline: true, reasons: [] },
  { does: 'floods the console', fixture: 'floods-console', inline: true, reasons: [] },
  { does: 'throws in end()', fixture: 'end-throws', inline: true, reasons: [] },
  { does: 'fails as it is ended', fixture: 'errors-while-ending', inline: true, reasons: [] },
  { does: 'never closes', fixture: 'never-closes', inline: true, reasons: [] },
  { does: 'rejects in send()', fixture: 'send-rejects', isDelivery: true, inline: true, reasons: ['write-error'] },
  { does: 'throws in send()', fixture: 'send-throws', isDelivery: true, inline: true, reasons: ['write-error'] },
  { does: 'hangs in send()', fixture: 'send-hangs', isDelivery: true, inline: true, reasons: ['write-timeout'] }
]

/** Faults that only a process of its own contains. In a thread they end the app, or keep it from its end. */
export const processFaults: readonly Fault[] = [
  { does: 'crashes in native code', fixture: 'crashes', inline: false, reasons: ['process-exit'] },
  { does: 'aborts its process', fixture: 'crashes', options: { signal: 'SIGABRT' }, inline: false, reasons: ['process-exit'] },
  {
    does: 'fills its heap too fast to be stopped',
    fixture: 'hoards',
    options: { what: 'map' },
    worker: { resourceLimits: { maxOldGenerationSizeMb: 100 } },
    isForProcess: true,
    inline: false,
    reasons: ['process-exit', 'out-of-memory']
  },
  {
    does: 'takes memory outside the heap',
    fixture: 'hoards',
    options: { what: 'buffers' },
    worker: { maxRssMb: 200 },
    isForProcess: true,
    inline: false,
    reasons: ['out-of-memory']
  },
  { does: 'makes a call that never returns', fixture: 'never-returns', needsFifo: true, inline: false, reasons: ['write-timeout'] }
]
