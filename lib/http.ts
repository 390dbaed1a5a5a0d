import { onPinoConfig, willSendConfig } from './app-port.js'
import type { DeliverySink } from './child/delivery.js'
import type { FanoutStream } from './fanout.js'
import createHttpSink from './http/http-sink.js'
import { parseHttpOptions } from './http/options.js'
import type { HttpSinkOptions } from './http/types.js'
import type { PinoConfig } from './pino-config.js'
import { isForPino, openTransport } from './pinos-target.js'

export type { Secret } from './http/schema.js'
export type { AuthOptions, ElasticsearchOptions, GzipOptions, HttpSinkOptions, OtlpOptions, OtlpTraceKeys, SecretPlace, SplunkOptions, TlsOptions } from './http/types.js'

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
  if (isForPino(options)) return openTransport('http', options, parseHttpOptions)
  const sink = createHttpSink(options)
  return sink.configure === undefined || !willSendConfig ? sink : configured(sink)
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
