import type { DeliverySink } from './child/delivery.js'
import type { FanoutStream } from './fanout.js'
import createNatsSink from './nats/nats-sink.js'
import { parseNatsOptions } from './nats/options.js'
import type { NatsSinkOptions } from './nats/types.js'
import { isForPino, openTransport } from './pinos-target.js'

export type { SecretPlace, TlsOptions } from './http/types.js'
export type { NatsAuthOptions, NatsSinkOptions, NatsStreamOptions } from './nats/types.js'

/**
 * A delivery sink that publishes lines into a stream of NATS JetStream, for a target of this package's transport. If pino itself
 * loads it as a target, it returns that transport, with itself as the only target.
 *
 * @throws FanoutError `ERR_FANOUT_OPTIONS` that lists all faults of the options, or all secrets that cannot be read;
 * `ERR_FANOUT_PACKAGE_MISSING` if the client is not installed
 */
export default function nats (options: NatsSinkOptions & { $context: unknown }): Promise<FanoutStream>
export default function nats (options: NatsSinkOptions): Promise<DeliverySink>
export default async function nats (options: NatsSinkOptions): Promise<DeliverySink | FanoutStream> {
  return isForPino(options) ? await openTransport('nats', options, parseNatsOptions) : await createNatsSink(options)
}
