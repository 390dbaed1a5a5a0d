import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { FanoutError } from '../errors.js'

/** Told of an error that a transport itself has reported. */
export type OnSelfReport = (error: unknown) => void

/** By what a transport tells of its failures, if it is asked to. */
interface SelfReport {
  /** The package of the transport. */
  readonly package: string
  /** Where in its options a callback stands that is called with an error; it is left alone where the user has set it. */
  readonly callback?: readonly string[]
  /** Whether it says by `console.error` what it has no callback for; it goes on to. */
  readonly saysByConsole?: boolean
  /** What it reports by that callback and is no failure. */
  readonly ignored?: RegExp
  /** Whether it tells by OpenTelemetry's `diag`. */
  readonly diag?: boolean
}

/** The transports that tell something; another one is another entry. */
const selfReports: readonly SelfReport[] = [
  { package: 'pino-datadog-transport', callback: ['onError'], ignored: /exceeds size limit/ },
  { package: '@axiomhq/pino', callback: ['onError'], saysByConsole: true },
  { package: '@autotelic/pino-seq-transport', callback: ['loggerOpts', 'onError'], saysByConsole: true },
  { package: 'pino-opentelemetry-transport', diag: true }
]

/**
 * Asks a transport to tell of its failures, before it is started: returns its options, completed with a callback.
 *
 * @param file - The file of the transport: an absolute path or a `file://` URL.
 */
export function listenToSelf (file: string, options: unknown, sink: string, onReport: OnSelfReport): unknown {
  const path = (file.startsWith('file://') ? fileURLToPath(file) : file).replaceAll('\\', '/')
  const entry = selfReports.find(({ package: name }) => path.includes(`/node_modules/${name}/`))
  if (entry === undefined) return options
  if (entry.diag === true) listenToDiag(path, sink, onReport)
  if (entry.callback === undefined) return options
  return withCallback(options, entry.callback, (error: unknown) => {
    if (entry.ignored?.test(String((error as { message?: unknown } | null)?.message)) !== true) onReport(error)
    if (entry.saysByConsole === true) console.error(error)
  })
}

function withCallback (options: unknown, [key = '', ...rest]: readonly string[], callback: OnSelfReport): unknown {
  const given = (options ?? {}) as Record<string, unknown>
  if (rest.length > 0) return { ...given, [key]: withCallback(given[key], rest, callback) }
  return given[key] === undefined ? { ...given, [key]: callback } : options
}

interface OpenTelemetryApi {
  diag: { setLogger (logger: Record<string, unknown>, options: { logLevel: number, suppressOverrideMessage: boolean }): boolean }
  DiagLogLevel: { ERROR: number }
}

const GLOBAL_API = Symbol.for('opentelemetry.js.api.1')

/** The logger of `diag` is one for all copies of the API in a thread: who has set one keeps it. */
function listenToDiag (path: string, sink: string, onReport: OnSelfReport): void {
  if ((globalThis as { [GLOBAL_API]?: { diag?: unknown } })[GLOBAL_API]?.diag !== undefined) return
  try {
    const { diag, DiagLogLevel } = createRequire(path)('@opentelemetry/api') as OpenTelemetryApi
    const quiet = (): void => {}
    diag.setLogger({
      error: (message: unknown) => onReport(asError(message, sink)),
      warn: quiet,
      info: quiet,
      debug: quiet,
      verbose: quiet
    }, { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true })
  } catch {
    // Without the API, or with another one, it tells nothing.
  }
}

/** `diag` is given the JSON of an exception, its own fields and the inherited ones. */
function asError (message: unknown, sink: string): unknown {
  try {
    const told = JSON.parse(String(message)) as { message?: unknown, code?: unknown }
    const code = Number(told.code)
    const error = new FanoutError('ERR_FANOUT_SINK_REPORTED', `the sink said: ${String(told.message)}`, { sink })
    // The exporters put the status of an answer into `code`, which is a number of gRPC where it is small.
    if (code >= 300) return Object.assign(error, { statusCode: code })
    return typeof told.code === 'string' ? Object.assign(error, { code: told.code }) : error
  } catch {
    return new FanoutError('ERR_FANOUT_SINK_REPORTED', `the sink said: ${String(message)}`, { sink })
  }
}
