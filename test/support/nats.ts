import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node'
import { jetstream, jetstreamManager, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream'
import type { Test } from 'tap'
import { freePort, realServer, type RealServer } from './real-servers.js'

/** A message of a stream. */
export interface StoredMessage {
  subject: string
  id: string | undefined
  text: string
}

/** A nats-server with JetStream, in a process of its own. */
export interface NatsServer extends RealServer {
  /** `127.0.0.1:<port>`. */
  address: string
  /** Asks the server, as its user `admin` if it has users. */
  ask<Answer> (question: (manager: JetStreamManager, connection: NatsConnection) => Promise<Answer>): Promise<Answer>
  /** Creates a stream, which is kept in memory unless it is said otherwise. */
  create (name: string, subjects: readonly string[], more?: Partial<StreamConfig>): Promise<void>
  /** All messages of a stream, the oldest first. */
  read (stream: string): Promise<StoredMessage[]>
}

/**
 * Starts a server.
 *
 * @param config - More of its configuration
 * @param options - How to connect to it
 */
export async function startNats (t: Test, config = '', options: ConnectionOptions = {}): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'nats-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [port, httpPort] = [await freePort(), await freePort()]
  writeFileSync(join(folder, 'nats.conf'), `listen: "127.0.0.1:${port}"\nhttp: "127.0.0.1:${httpPort}"\njetstream { store_dir: ${JSON.stringify(folder)} }\n${config}\n`)
  const server = realServer(t, 'nats-server', ['-c', join(folder, 'nats.conf')], `http://127.0.0.1:${httpPort}/healthz`)
  const address = `127.0.0.1:${port}`
  const start = async (): Promise<void> => {
    await server.start()
    // It answers for its health a moment before it listens.
    await (await connect({ servers: address, waitOnFirstConnect: true, reconnectTimeWait: 20, ...options })).close()
  }
  await start()
  const ask: NatsServer['ask'] = async question => {
    const connection = await connect({ servers: address, ...options })
    try {
      return await question(await jetstreamManager(connection), connection)
    } finally {
      await connection.close()
    }
  }
  return {
    ...server,
    start,
    address,
    ask,
    async create (name, subjects, more) {
      await ask(async manager => { await manager.streams.add({ name, subjects: [...subjects], storage: 'memory' as StreamConfig['storage'], ...more }) })
    },
    async read (stream) {
      return await ask(async (manager, connection) => {
        const { state: { messages: count } } = await manager.streams.info(stream)
        const stored: StoredMessage[] = []
        if (count === 0) return stored
        const consumer = await jetstream(connection).consumers.get(stream)
        for await (const message of await consumer.consume()) {
          stored.push({ subject: message.subject, id: message.headers?.get('Nats-Msg-Id'), text: message.string() })
          if (stored.length === count) break
        }
        return stored
      })
    }
  }
}
