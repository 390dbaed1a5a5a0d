import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { FanoutError } from '../errors.js'

/** Called with each error that a transport itself reports. */
export type OnSelfReport = (error: unknown) => void

/** The way in which a transport can report its failures. */
interface SelfReport {
  /** The package of the transport. */
  readonly package: string
  /** The path of an error callback in its options. If the user has set a callback there, that one stays. */
  readonly callback?: readonly string[]
  /** True if it writes its failures to `console.error` when no callback is set. Our callback then writes them there. */
  readonly saysByConsole?: boolean
  /** Matches the messages of errors that do not count as failures. */
  readonly ignored?: RegExp
  /** True if it reports by OpenTelemetry's `diag`. */
  readonly diag?: boolean
}

/** The transports that can report failures. */
const selfReports: readonly SelfReport[] = [
  { package: 'pino-datadog-transport', callback: ['onError'], ignored: /exceeds size limit/ },
  { package: '@axiomhq/pino', callback: ['onError'], saysByConsole: true },
  { package: '@autotelic/pino-seq-transport', callback: ['loggerOpts', 'onError'], saysByConsole: true },
  { package: 'pino-opentelemetry-transport', diag: true }
]

/**
 * Makes a transport report its failures. Call it before the transport starts.
 *
 * @param origin - The file of the transport, an absolute path or a `file://` URL, and the name of its target: in a bundle, only that
 * tells which package it is
 * @returns The options for the transport, with our callback if it can take one
 */
export function listenToSelf ({ file, target }: { file: string, target?: string | undefined }, options: unknown, sink: string, onReport: OnSelfReport): unknown {
  const path = (file.startsWith('file://') ? fileURLToPath(file) : file).replaceAll('\\', '/')
  const entry = selfReports.find(({ package: name }) => name === target || path.includes(`/node_modules/${name}/`))
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

/** All copies of the API in a thread share the logger of `diag`. If one is set already, it stays. */
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
    // Without the API, or with an unknown version of it, the transport reports nothing.
  }
}

/** The exporters call `diag` with the JSON of an exception, with its own and its inherited fields. */
function asError (message: unknown, sink: string): unknown {
  try {
    const told = JSON.parse(String(message)) as { message?: unknown, code?: unknown }
    const code = Number(told.code)
    const error = new FanoutError('ERR_FANOUT_SINK_REPORTED', `the sink said: ${String(told.message)}`, { sink })
    // The exporters put the status of an answer into `code`. A small number is a code of gRPC.
    if (code >= 300) return Object.assign(error, { statusCode: code })
    return typeof told.code === 'string' ? Object.assign(error, { code: told.code }) : error
  } catch {
    return new FanoutError('ERR_FANOUT_SINK_REPORTED', `the sink said: ${String(message)}`, { sink })
  }
}
