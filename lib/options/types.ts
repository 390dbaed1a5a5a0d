// Made from the schema of the options by `npm run docs`: change the schema.
import type { BreakerOptions } from '../breaker/options.js'

/** The `options` of `pino.transport({ target: 'pino-breaker-fanout', options })`. */
export interface FanoutOptions extends TargetPolicy {
  /** The targets, in the shape of pino's own `targets`. */
  targets: readonly TargetOptions[]
  /**
   * Custom levels: the number of each label.
   * @default those of the logger
   */
  levels?: Record<string, number>
  /**
   * `true`: a line goes only to the targets with the highest level that it reaches.
   * @default false
   */
  dedupe?: boolean
  /**
   * Key of the level in a line. Its value may be a number, or a label in upper or lower case.
   * @default 'level'
   */
  levelKey?: string
  /**
   * `false`: sinks get a batch one after another. The next gets it once the one before has accepted it or timed out.
   * @default true
   */
  parallel?: boolean
  /**
   * Where the transport's own records go. `false` turns them off.
   * @default on, with the defaults of its settings
   */
  diagnostics?: false | DiagnosticsOptions
  /**
   * How often a metrics snapshot is sent to the app's thread. 0 turns snapshots off. Value: milliseconds, 0 to
   * 2147483647.
   * @default 0
   */
  metricsIntervalMs?: number
  /**
   * An HTTP server in the transport's worker thread: metrics, health, a page, and actions on sinks.
   * @default off
   */
  monitor?: false | MonitorOptions
  /**
   * How long `logger.flush()` waits. Sinks whose breakers are not closed are passed over; for a sink that spools, lines
   * that are synced to the disk are enough.
   * @default the defaults of its settings
   */
  flush?: FlushOptions
  /**
   * Time for everything that happens at the end. Nothing extends it. pino's thread-stream waits for 10 s at most.
   * Value: milliseconds, 1 to 9000.
   * @default 5000 (5 s)
   */
  closeTimeoutMs?: number
  /**
   * Limit for the size of a line. A longer one is dropped as a whole: every target counts it as received, and as
   * dropped (`too-long`). Value: bytes, 1 to 268435456.
   * @default 1048576 (1 MiB)
   */
  maxLineBytes?: number
  /**
   * `true`: environment variables set options, too.
   * @default true
   */
  env?: boolean
  /**
   * Directory or file (`import.meta.url`, `__filename`) from which target names are resolved first.
   * @default none: they are resolved from the working directory, then from this package
   */
  resolveFrom?: string
}

/** Options of a target. The top level takes them too, as the default for every target. */
export interface TargetPolicy {
  /**
   * Lowest level that the target takes, as a number or a label.
   * @default 'info'; all levels, if no other target takes lines (standby targets aside); a standby target takes every
   * line that it is given
   */
  level?: number | string
  /**
   * Where the sink runs. `'thread'`: in a thread of its own. `'inline'`: in that of the transport. `'process'`: in a
   * process of its own.
   * @default 'thread'; 'inline' for pino/file
   */
  isolation?: 'thread' | 'inline' | 'process'
  /**
   * Settings of the sink's own thread or process, as for `new Worker()` of Node.js.
   * @default those of Node.js
   */
  worker?: WorkerOptions
  /**
   * The circuit breaker. `false` is short for `{ enabled: false }`.
   * @default on, with the defaults of its settings
   */
  breaker?: false | BreakerOptions
  /**
   * Limits of the lines that are held in memory for the sink, and what happens beyond them.
   * @default the defaults of its settings
   */
  queue?: QueueOptions
  /**
   * How lines are gathered for a delivery sink. Other sinks get lines as they come.
   * @default the defaults of its settings
   */
  batch?: BatchOptions
  /**
   * Decides about lines while the breaker is not closed. `'hold'`: they wait in the queue. `'skip'`: they are dropped
   * and counted. `'spool'`: they go to disk, and from there to the sink once it is back; so do lines that a full queue
   * has no room for, even while the breaker is closed. `'fallback'`: they go to `fallback`.
   * @default 'hold'; always 'fallback' for a standby target
   */
  whenOpen?: 'hold' | 'skip' | 'spool' | 'fallback'
  /**
   * Who takes the lines with `whenOpen: 'fallback'`: the name of a target with `standby: true`, or `'stderr'`. A
   * standby target may name another standby target in turn.
   * @default none; 'stderr' for a standby target
   */
  fallback?: string
  /**
   * A batch that the sink has not accepted is a failure once the sink has made no progress for this time. Value:
   * milliseconds, 1 to 2147483647.
   * @default 10000 (10 s)
   */
  writeTimeoutMs?: number
  /**
   * An import or a factory of the sink that has not settled after this time is a failure. Value: milliseconds, 1 to
   * 2147483647.
   * @default 10000 (10 s)
   */
  startTimeoutMs?: number
  /**
   * Decides about lines that a sink was given before it failed, and that are not known to have arrived.
   * `'at-least-once'`: they are sent again, so some may arrive twice. `'at-most-once'`: they are not, so some may be
   * lost.
   * @default 'at-least-once'
   */
  redelivery?: 'at-least-once' | 'at-most-once'
  /**
   * `true`: watches the HTTP requests and the sockets of a sink that has a thread of its own, and listens to what the
   * sink reports about itself, to see failures that the sink hides.
   * @default true
   */
  sense?: boolean | SenseOptions
  /**
   * Checks the backend directly, not through the sink: for a transport whose failures cannot be seen. While the check
   * fails, an open breaker sends no probe. While the breaker is closed, a failed check counts as a failure.
   * @default none
   */
  healthCheck?: HealthCheckOptions
  /**
   * NDJSON file for lines that the backend refuses for good while it accepts others.
   * @default none: these lines are dropped, and counted as poison
   */
  deadLetter?: DeadLetterOptions
  /**
   * The queue on disk, for `whenOpen: 'spool'`.
   * @default none
   */
  spool?: SpoolOptions
  /**
   * Further events of the sink's stream that count as failures, in addition to `error` and the default ones.
   * @default 'insertError', 'socketError', 'socketClose', 'reconnectFailure', 'drop'
   */
  failureEvents?: readonly string[]
}

/** A target as in pino, `{ target, options, level }` or `{ pipeline, level }`, with a policy of its own. */
export type TargetOptions = SingleTarget | PipelineTarget

/** A target that is one module. */
export interface SingleTarget extends CommonTargetOptions {
  /** What to load, as in pino: the name of a package, an absolute path, a `file://` URL or `'pino/file'`. */
  target: string
  /** Options for what is loaded, handed to it unchanged. */
  options?: unknown
  pipeline?: never
}

/** A target that is a pipeline. */
export interface PipelineTarget extends CommonTargetOptions {
  /** What lines pass through, in place of `target`: transforms, and a destination at the end. */
  pipeline: readonly PipelineEntry[]
  target?: never
  options?: never
}

/** Fields of every `TargetOptions`. */
export interface CommonTargetOptions extends TargetPolicy {
  /**
   * Unique name of the target, for diagnostics, metrics, environment variables and `fallback`.
   * @default made from the target: the name of its package, 'file' for pino/file, or the name of its file without the
   * extension; if that is taken, with -2, -3, …
   */
  name?: string
  /**
   * `true`: the target only takes lines from targets whose `fallback` names it.
   * @default false
   */
  standby?: boolean
  /**
   * Takes only lines in which top-level keys have these values: `{ module: 'audit' }`. A list: any of its values. An
   * object: `not`, `prefix` and `exists`. All keys must hold, and `level` too.
   * @default none; a standby target takes every line that it is given
   */
  match?: Record<string, string | number | boolean | null | ReadonlyArray<string | number | boolean | null> | MatchOperators>
}

/** Where the transport's own records go. */
export interface DiagnosticsOptions {
  /**
   * `'others'`: every target except the one that a record is about. Otherwise `'stderr'`, or a list of target names.
   * @default 'others'
   */
  to?: 'others' | 'stderr' | readonly string[]
  /**
   * Lowest level of the records, as a number or a label.
   * @default 'info'
   */
  level?: number | string
}

/** The HTTP server of the transport's worker thread, for operators. */
export interface MonitorOptions {
  /**
   * The TCP port; 0 for any free one. `{ from, to }`: the first free one of these. Either `port` or `socket` is
   * required.
   * @default none
   */
  port?: number | PortRange
  /**
   * Path of a Unix socket, in place of `port`. Only this user may connect to it (mode 0600). A relative path starts
   * from the working directory. On Windows: the name of a pipe, `\\.\pipe\…`.
   * @default none
   */
  socket?: string
  /**
   * Address or name of the network interface to listen on. One that other machines can reach requires a `token`.
   * @default '127.0.0.1'
   */
  host?: string
  /**
   * What every request must bring, except for `/healthz`: as a bearer token, or as the password of HTTP's basic
   * authentication. Without spaces and control characters.
   * @default none
   */
  token?: string
  /**
   * `true`: sinks can be acted upon by POST requests. Requires a `token`.
   * @default false
   */
  actions?: boolean
}

/**
 * How long `logger.flush()` waits. Sinks whose breakers are not closed are passed over; for a sink that spools, lines
 * that are synced to the disk are enough.
 */
export interface FlushOptions {
  /**
   * `'accepted'`: until every sink has accepted the lines, and its own `flush` is done. `'delivered'`: until it is
   * known that they have arrived, too; for a sink that proves nothing, until its lines count as delivered, which takes
   * `breaker.settleMs` or, in a thread, until it is known that nothing can be seen of it.
   * @default 'accepted'
   */
  until?: 'accepted' | 'delivered'
  /**
   * Calls back after this time in any case. Value: milliseconds, 1 to 2147483647.
   * @default 5000 (5 s)
   */
  timeoutMs?: number
}

/** Settings of the sink's own thread or process, as for `new Worker()` of Node.js. */
export interface WorkerOptions {
  /**
   * Memory limits of the thread, or of each thread in the process.
   * @default those of Node.js, with maxYoungGenerationSizeMb: 12
   */
  resourceLimits?: ResourceLimits
  /**
   * `process.env` of the thread or the process.
   * @default a copy of the app's
   */
  env?: Record<string, string>
  /**
   * Command-line options of Node.js for the thread or the process.
   * @default those of the app
   */
  execArgv?: readonly string[]
  /**
   * Arguments that are appended to `process.argv` of the thread or the process.
   * @default none
   */
  argv?: readonly string[]
  /**
   * Name of the thread, for debuggers, and of the process.
   * @default pino-breaker-fanout: and the name of the target
   */
  name?: string
  /**
   * The most memory that the process of a sink with `isolation: 'process'` may have resident, that outside the heap
   * included. With more, it is killed, and the sink restarted. Value: megabytes, 96 or more.
   * @default no limit
   */
  maxRssMb?: number
}

/** Limits of the lines that are held in memory for the sink, and what happens beyond them. */
export interface QueueOptions {
  /**
   * Limit for the bytes of all lines that are held in memory for the sink: those that wait, and those in flight whose
   * delivery is not settled. Value: bytes, 1 or more.
   * @default 16777216 (16 MiB)
   */
  maxBytes?: number
  /**
   * Limit for the number of lines that are held in memory for the sink, counted as for `maxBytes`. Value: lines, 1 or
   * more.
   * @default 100000
   */
  maxLines?: number
  /**
   * What a full queue drops once pushing back does not help. `'drop-oldest'`: its oldest lines. `'drop-newest'`: the
   * new lines. `'block'`: its oldest lines, but it pushes back for as long as the sink makes any progress within
   * `blockTimeoutMs`.
   * @default 'drop-oldest'; 'block' for pino/file
   */
  overflow?: 'drop-oldest' | 'drop-newest' | 'block'
  /**
   * A full queue first pushes back: it holds up the app's log stream as long as the sink, at its present pace, would
   * empty the queue within this time. So a burst costs a healthy sink no lines. Value: milliseconds, 0 to 2147483647.
   * @default 2000 (2 s)
   */
  blockTimeoutMs?: number
  /**
   * Lines at or above this level are protected, a number or a label. A queue that must lose lines loses the oldest
   * others first, and protected ones only if there is nothing else left. With `whenOpen: 'skip'`, protected lines wait
   * in the queue.
   * @default none
   */
  protectLevel?: number | string
}

/** How lines are gathered for a delivery sink. Other sinks get lines as they come. */
export interface BatchOptions {
  /**
   * How long lines are gathered before they are sent, from the first of them. A full batch, a probe, a flush and the
   * end are sent at once. `0`: not at all. Value: milliseconds, 0 to 60000.
   * @default 0; 1000 for pino-breaker-fanout/http
   */
  maxMs?: number
  /**
   * Limit for the bytes of a batch, unless it is a single line. This many are sent at once. Value: bytes, 1 to 524288.
   * @default 524288 (512 KiB)
   */
  maxBytes?: number
}

/** What a sink is sensed by, beside its requests, its sockets and its own reports. */
export interface SenseOptions {
  /**
   * `true`: what the sink writes with `console.error` counts as a failure, too.
   * @default false
   */
  console?: boolean
}

/**
 * Checks the backend directly, not through the sink: for a transport whose failures cannot be seen. While the check
 * fails, an open breaker sends no probe. While the breaker is closed, a failed check counts as a failure.
 */
export interface HealthCheckOptions {
  /**
   * URL that must answer a GET request with a status below 400. Either `http` or `tcp` is required.
   * @default none
   */
  http?: string
  /**
   * `host:port` that must accept a connection.
   * @default none
   */
  tcp?: string
  /**
   * Time from one check to the next. Value: milliseconds, 10 to 2147483647.
   * @default 10000 (10 s)
   */
  intervalMs?: number
  /**
   * A check without an answer after this time has failed. Value: milliseconds, 1 to 2147483647.
   * @default 2000 (2 s)
   */
  timeoutMs?: number
}

/** NDJSON file for lines that the backend refuses for good while it accepts others. */
export interface DeadLetterOptions {
  /**
   * The file. Lines are appended, and the file is never removed. Several targets may share it: each line names its
   * target. A relative path starts from the working directory.
   * @default none; required with deadLetter
   */
  path?: string
  /**
   * Limit for the size of the file. Lines beyond it are dropped, and counted as `poison`. Value: bytes, 1 or more.
   * @default 67108864 (64 MiB)
   */
  maxBytes?: number
}

/** The queue on disk, for `whenOpen: 'spool'`. */
export interface SpoolOptions {
  /**
   * Folder of the spools. Each target has a folder of its own in it, named after the target. Transports with the same
   * options may share `dir`: each has folders of its own, `<name>`, `<name>.2`, and so on. A relative path starts from
   * the working directory.
   * @default none; required with whenOpen: 'spool'
   */
  dir?: string
  /**
   * Limit for the disk space of one target. Beyond it the oldest segments are deleted, and their lines are counted as
   * `spool-full`. Value: bytes, 1 or more.
   * @default 1073741824 (1 GiB)
   */
  maxBytes?: number
  /**
   * Size at which a new segment is begun. More than half of `maxBytes` counts as half of it. Value: bytes, 1 or more.
   * @default 16777216 (16 MiB)
   */
  segmentBytes?: number
  /**
   * Written lines are synced to the disk after this time at the latest. A power cut loses no more than that. Value:
   * milliseconds, 1 to 2147483647.
   * @default 1000 (1 s)
   */
  syncMs?: number
  /**
   * `'open'`: lines go to disk while the breaker is not closed, and until all lines on the disk have been replayed.
   * `'always'`: every line goes through the disk, so a crash of the app loses only lines that pino had not yet handed
   * over, and those that are just being written (`spoolPendingLines`).
   * @default 'open'
   */
  mode?: 'open' | 'always'
}

/** A step of a pipeline, as in pino. */
export interface PipelineEntry {
  /** What to load, as in pino: the name of a package, an absolute path, a `file://` URL or `'pino/file'`. */
  target: string
  /** Options for what is loaded, handed to it unchanged. */
  options?: unknown
}

/** What the value of a key must be, beside equality. Everything that is set must hold. */
export interface MatchOperators {
  /**
   * A value, or a list: the value of the key is none of these. Also true for a line without the key.
   * @default none
   */
  not?: string | number | boolean | null | ReadonlyArray<string | number | boolean | null>
  /**
   * A text, or a list: the value of the key is a text that begins with one of these.
   * @default none
   */
  prefix?: string | readonly string[]
  /**
   * `true`: the line has the key, whatever its value, even `null`. `false`: it does not.
   * @default none
   */
  exists?: boolean
}

/** Ports of which the monitor takes the first free one, for several processes with the same options. */
export interface PortRange {
  /** The first port that is tried. Value: integer, 1 to 65535. */
  from: number
  /** The last port that is tried. Value: integer, 1 to 65535. */
  to: number
}

/** Memory limits of the thread, or of each thread in the process. */
export interface ResourceLimits {
  /**
   * Limit for the main heap. Value: megabytes, more than 0.
   * @default that of Node.js
   */
  maxOldGenerationSizeMb?: number
  /**
   * Limit for the heap of recently made objects. Value: megabytes, more than 0.
   * @default 12
   */
  maxYoungGenerationSizeMb?: number
  /**
   * Limit for the memory of generated code. Value: megabytes, more than 0.
   * @default that of Node.js
   */
  codeRangeSizeMb?: number
  /**
   * Limit for the stack. Value: megabytes, more than 0.
   * @default that of Node.js
   */
  stackSizeMb?: number
}
