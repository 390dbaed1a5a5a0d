// A delivery sink into Kafka. It needs @platformatic/kafka 2, which needs Node.js 22.22 or later.
//
//     { target: new URL('./kafka-sink.mjs', import.meta.url).href, options: { bootstrapBrokers: ['kafka-1:9092'], topic: 'logs' } }
//
// Options other than `topic` and `key` go to the client's Producer: `tls`, `sasl`, `compression`, and so on.
// @ts-check
import { hostname } from 'node:os'
import { ProduceAcks, Producer, findErrorBy, stringSerializers } from '@platformatic/kafka'

/** The answers that are about the lines. All others are about the cluster, the topic or the rights: then the lines are sent again. */
const REFUSALS = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD', 'INVALID_TIMESTAMP']

/**
 * @param {Partial<import('@platformatic/kafka').BaseOptions> & { bootstrapBrokers: string[], topic: string, key?: string }} options
 *   All lines have one `key`. So they are in one partition, in order, and a batch is written as a whole or not at all.
 * @returns {import('pino-breaker-fanout').DeliverySink}
 */
export default function kafkaSink ({ topic, key = `${hostname()}:${process.pid}`, ...options }) {
  // An idempotent producer retries without an end unless it is told otherwise. The breaker is to see that the cluster is away.
  const open = () => new Producer({ clientId: 'pino', retries: 2, retryDelay: 250, ...options, idempotent: true, serializers: stringSerializers })
  let producer = open()
  return {
    async send ({ lines, lineIds }, { signal }) {
      // What the transport sends again has the same id: a consumer can drop what it has.
      const messages = lines.map((value, place) => ({ topic, key, value, headers: { id: lineIds[place] } }))
      const aborted = new Promise((resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
      try {
        await Promise.race([producer.send({ messages, acks: ProduceAcks.ALL }), aborted])
      } catch (error) {
        if (signal.aborted) {
          // The client cannot be told to give a batch up. A new producer does not wait behind it.
          producer.close().catch(() => {})
          producer = open()
        }
        throw classed(error)
      }
    },
    close: () => producer.close()
  }
}

/** The error as the transport understands it. @param {any} error */
function classed (error) {
  const refusal = REFUSALS.find(id => findErrorBy(error, 'apiId', id))
  const answer = findErrorBy(error, 'code', 'PLT_KFK_PROTOCOL')
  /** @type {any} */ const network = findErrorBy(error, 'code', 'PLT_KFK_NETWORK')
  const code = refusal ?? answer?.apiId ?? (network === null ? error.code : network.cause?.code ?? 'ETIMEDOUT')
  return Object.assign(new Error((answer ?? network ?? error).message, { cause: error.cause }), { code, retryable: refusal === undefined })
}
