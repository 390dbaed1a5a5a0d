import { FanoutError } from '../errors.js'

/** The official client: its transport over TCP, and its part for JetStream. */
export interface NatsClient {
  transport: typeof import('@nats-io/transport-node')
  jetstream: typeof import('@nats-io/jetstream')
}

/**
 * Loads the client. An app without a NATS sink need not have it.
 *
 * @throws FanoutError `ERR_FANOUT_PACKAGE_MISSING` that says what to install
 */
export async function loadClient (): Promise<NatsClient> {
  try {
    const transport = await import('@nats-io/transport-node')
    const jetstream = await import('@nats-io/jetstream')
    return { transport, jetstream }
  } catch (cause) {
    throw new FanoutError('ERR_FANOUT_PACKAGE_MISSING', 'pino-breaker-fanout/nats needs the packages @nats-io/transport-node and @nats-io/jetstream: npm install @nats-io/transport-node @nats-io/jetstream', { cause })
  }
}
