import { workerData } from 'node:worker_threads'
import { onPinoConfig, willSendConfig } from './app-port.js'
import type { DeliverySink } from './child/delivery.js'
import type { FanoutStream } from './fanout.js'
import createHttpSink from './http/http-sink.js'
import { parseHttpOptions } from './http/options.js'
import type { HttpSinkOptions } from './http/types.js'
import type { PinoConfig } from './pino-config.js'

export type { Secret } from './http/schema.js'
export type { AuthOptions, ElasticsearchOptions, GzipOptions, HttpSinkOptions, OtlpOptions, OtlpTraceKeys, SecretPlace, SplunkOptions, TlsOptions } from './http/types.js'

/** The `workerData` of pino's own worker thread. */
interface PinoWork {
  targets?: ReadonlyArray<{ options?: unknown }>
  pipelines?: ReadonlyArray<ReadonlyArray<{ options?: unknown }>>
}

/**
 * A delivery sink that sends each batch by HTTP POST, for a target of this package's transport. If pino itself loads it as
 * a target, it returns that transport, with itself as the only target. For the format `otlp` it waits for the config of the app's
 * logger, if that comes.
 *
 * @throws FanoutError `ERR_FANOUT_OPTIONS` that lists all faults of the options, or all secrets that cannot be read
 */
export default function http (options: HttpSinkOptions & { $context: unknown }): Promise<FanoutStream>
export default function http (options: HttpSinkOptions & { format: 'otlp' }): DeliverySink | Promise<DeliverySink>
export default function http (options: HttpSinkOptions): DeliverySink
export default function http (options: HttpSinkOptions): DeliverySink | Promise<DeliverySink | FanoutStream> {
  if (isForPino(options)) return openTransport(options)
  const sink = createHttpSink(options)
  return sink.configure === undefined || !willSendConfig ? sink : configured(sink)
}

/** pino adds `$context` to the options of a single target. It passes on those of `targets` and `pipelines` as they came to its thread. */
function isForPino (options: unknown): boolean {
  if (typeof options !== 'object' || options === null) return false
  if ('$context' in options) return true
  const { targets, pipelines } = ((workerData as { workerData?: PinoWork } | null)?.workerData ?? {})
  return [...listOf(targets), ...listOf(pipelines).flatMap(listOf)].some(entry => (entry as { options?: unknown } | null)?.options === options)
}

async function openTransport (options: object): Promise<FanoutStream> {
  const { $context, pinoWillSendConfig, ...own } = options as Record<string, unknown>
  // Reports faults with the paths that the user knows: the transport would report them below `targets[0].options`.
  parseHttpOptions(own)
  const { default: fanout } = await import('./fanout.js')
  return await fanout({ targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: own }], ...pinoWillSendConfig === true && { pinoWillSendConfig } } as Parameters<typeof fanout>[0])
}

/** Waits for the config of the app's logger. */
async function configured (sink: ReturnType<typeof createHttpSink>): Promise<DeliverySink> {
  const config = await new Promise<PinoConfig>(resolve => {
    const stop = onPinoConfig(config => {
      stop()
      resolve(config)
    })
  })
  sink.configure?.(config)
  return sink
}

function listOf (value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
