import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { Test } from 'tap'
import { findCommand, freePort } from './real-servers.js'

/** An election takes some seconds, on a busy machine more. */
const LIMIT_MS = 180000
const POLL_MS = 200
const QUESTION_MS = 2000

/** A message of a stream. */
export interface Stored {
  seq: number
  subject: string
  text: string
  /** `Nats-Msg-Id`, by which the server drops what comes again. */
  id: string
}

/** Servers of NATS that form a cluster, on loopback. */
export class NatsCluster {
  readonly #nodes: Node[]
  #connection: NatsConnection | undefined

  private constructor (nodes: Node[]) {
    this.#nodes = nodes
  }

  /** Starts the nodes, and ends them with the test. */
  static async start (t: Test, count = 3): Promise<NatsCluster> {
    const folder = join(t.testdir({ nodes: {} }), 'nodes')
    const ports = await Promise.all(Array.from({ length: count }, async () => ({ client: await freePort(), route: await freePort() })))
    const routes = ports.map(({ route }) => `nats://127.0.0.1:${route}`).join(', ')
    const nodes = ports.map(({ client, route }, index) => new Node(`n${index + 1}`, client, join(folder, `n${index + 1}`), count === 1 ? '' : `cluster: { name: c, listen: 127.0.0.1:${route}, routes: [${routes}] }`))
    const cluster = new NatsCluster(nodes)
    t.teardown(async () => {
      await cluster.#connection?.close()
      await Promise.all(nodes.map(node => node.kill()))
    })
    for (const node of nodes) node.start()
    await cluster.ask(async manager => await manager.getAccountInfo())
    return cluster
  }

  /** Where clients connect. */
  get servers (): string[] {
    return this.#nodes.map(({ port }) => `127.0.0.1:${port}`)
  }

  get names (): string[] {
    return this.#nodes.map(({ name }) => name)
  }

  /** A node by its name. */
  node (name: string): Node {
    return this.#nodes.find(node => node.name === name)!
  }

  /** Asks the cluster until it answers, and the answer is as wanted. */
  async ask<T> (question: (manager: JetStreamManager, connection: NatsConnection) => Promise<T>, isWanted: (answer: T) => boolean = () => true): Promise<T> {
    const deadline = Date.now() + LIMIT_MS
    let last: unknown
    while (Date.now() < deadline) {
      try {
        this.#connection = this.#connection === undefined || this.#connection.isClosed() ? await connect({ servers: this.servers, maxReconnectAttempts: -1, reconnectTimeWait: POLL_MS, timeout: QUESTION_MS, ignoreAuthErrorAbort: true }) : this.#connection
        const answer = await question(await jetstreamManager(this.#connection, { timeout: QUESTION_MS, checkAPI: false }), this.#connection)
        if (isWanted(answer)) return answer
        last = answer
      } catch (error) {
        last = error
      }
      await sleep(POLL_MS)
    }
    throw new Error(`the cluster did not answer as wanted; at last: ${last instanceof Error ? last.stack : JSON.stringify(last)}`)
  }

  /** Waits until a stream has a leader, and all its replicas have all its messages. A node that is killed earlier can leave it without a leader for minutes. */
  async settled (stream: string): Promise<StreamInfo & { cluster: { leader: string } }> {
    const isSettled = ({ cluster }: StreamInfo): boolean => {
      const replicas = cluster?.replicas ?? []
      return cluster?.leader !== undefined && cluster.leader !== '' && replicas.length === this.#nodes.length - 1 && replicas.every(({ current, lag = 0, offline }) => current && lag === 0 && offline !== true)
    }
    return await this.ask(async manager => await manager.streams.info(stream), isSettled) as StreamInfo & { cluster: { leader: string } }
  }

  /** All messages of a stream, in its order. */
  async read (stream: string): Promise<Stored[]> {
    return await this.ask(async (manager, connection) => {
      const { state: { messages } } = await manager.streams.info(stream)
      const { name } = await manager.consumers.add(stream, { ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.All, mem_storage: true, num_replicas: 1, inactive_threshold: 60e9 })
      const consumer = await jetstream(connection, { timeout: QUESTION_MS }).consumers.get(stream, name)
      const stored: Stored[] = []
      while (stored.length < messages) {
        const before = stored.length
        for await (const message of await consumer.fetch({ max_messages: Math.min(5000, messages - stored.length), expires: 2000 })) stored.push({ seq: message.seq, subject: message.subject, text: message.string(), id: message.headers?.get('Nats-Msg-Id') ?? '' })
        if (stored.length === before) throw new Error(`the stream has ${messages} messages, and gave ${before}`)
      }
      return stored
    })
  }
}

/** A server. */
export class Node {
  readonly name: string
  /** The port for clients. */
  readonly port: number
  readonly #config: string
  readonly #log: string
  #child: ChildProcess | undefined

  constructor (name: string, port: number, folder: string, cluster: string) {
    this.name = name
    this.port = port
    mkdirSync(folder)
    this.#log = join(folder, 'log')
    this.#config = join(folder, 'conf')
    writeFileSync(this.#config, `server_name: ${name}\nlisten: 127.0.0.1:${port}\nlog_file: "${this.#log}"\njetstream: { store_dir: "${folder}" }\n${cluster}`)
  }

  start (): void {
    this.#child = spawn(findCommand('nats-server') ?? 'nats-server', ['-c', this.#config], { stdio: 'ignore' })
    this.#child.once('error', () => {})
  }

  /** Kills it, as in a crash. */
  async kill (): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** Stops it in the midst of what it does: its connections stay, and nothing comes from it. */
  pause (): void {
    this.#child?.kill('SIGSTOP')
  }

  resume (): void {
    this.#child?.kill('SIGCONT')
  }

  /** What it has logged. */
  get log (): string {
    return readFileSync(this.#log, 'utf8')
  }
}
