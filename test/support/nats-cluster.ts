import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect as connectTo, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
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
    const ports = await Promise.all(Array.from({ length: count }, async () => ({ client: await freePort(), route: await freePort(), http: await freePort() })))
    // Nodes must have no way to each other but the wires. They tell each other where they are: there is nothing.
    const nowhere = await freePort()
    const nodes = await Promise.all(ports.map(async ({ client, route, http }, index) => {
      const wires = await Promise.all(ports.filter(port => port.route !== route).map(async ({ route }) => await Wire.lay(route)))
      const cluster = `cluster: { name: c, listen: 127.0.0.1:${route}, advertise: 127.0.0.1:${nowhere}, routes: [${wires.map(({ port }) => `nats://127.0.0.1:${port}`).join(', ')}] }`
      return new Node(`n${index + 1}`, { client, route, http }, wires, join(folder, `n${index + 1}`), count === 1 ? '' : cluster)
    }))
    const cluster = new NatsCluster(nodes)
    t.teardown(async () => {
      await cluster.#connection?.close()
      await Promise.all(nodes.map(node => node.kill()))
      for (const wire of cluster.#wires) wire.remove()
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

  /** Cuts the wires between a node and the others, until they are mended. Clients still reach it. */
  cutOff (name: string): void {
    const { route, wires } = this.node(name)
    for (const wire of this.#wires) if (wires.includes(wire) || wire.to === route) wire.cut()
  }

  mend (): void {
    for (const wire of this.#wires) wire.mend()
  }

  get #wires (): Wire[] {
    return this.#nodes.flatMap(({ wires }) => wires)
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

  /** Has the leader of a stream give way to another. */
  async stepDown (stream: string): Promise<void> {
    await this.ask(async (_manager, connection) => await connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, '', { timeout: QUESTION_MS }))
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
  /** The port for other nodes. */
  readonly route: number
  /** Those that lead from it to other nodes. */
  readonly wires: readonly Wire[]
  readonly #http: number
  readonly #config: string
  readonly #log: string
  #child: ChildProcess | undefined

  constructor (name: string, { client, route, http }: { client: number, route: number, http: number }, wires: readonly Wire[], folder: string, cluster: string) {
    this.name = name
    this.port = client
    this.route = route
    this.#http = http
    this.wires = wires
    mkdirSync(folder)
    this.#log = join(folder, 'log')
    this.#config = join(folder, 'conf')
    writeFileSync(this.#config, `server_name: ${name}\nlisten: 127.0.0.1:${client}\nhttp: 127.0.0.1:${http}\nlog_file: "${this.#log}"\njetstream: { store_dir: "${folder}" }\n${cluster}`)
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

  /** True if a client with this name is connected to it. */
  async hasClient (name: string): Promise<boolean> {
    const answer = await fetch(`http://127.0.0.1:${this.#http}/connz`)
    return (await answer.json() as { connections: Array<{ name?: string }> }).connections.some(connection => connection.name === name)
  }

  /** What it has logged. */
  get log (): string {
    return readFileSync(this.#log, 'utf8')
  }
}

/** A way from one node to another, by which connections can stand still in both directions without an end, as when a network fails. */
class Wire {
  /** The port that it leads to. */
  readonly to: number
  readonly #server: Server
  readonly #ends = new Set<Socket>()
  #isCut = false

  private constructor (to: number) {
    this.to = to
    this.#server = createServer(from => {
      const onward = connectTo(to, '127.0.0.1')
      for (const [end, other] of [[from, onward], [onward, from]] as const) {
        this.#ends.add(end)
        end.on('data', chunk => other.write(chunk))
        end.on('error', () => {})
        end.once('close', () => {
          this.#ends.delete(end)
          other.destroy()
        })
        if (this.#isCut) end.pause()
      }
    })
  }

  static async lay (to: number): Promise<Wire> {
    const wire = new Wire(to)
    wire.#server.listen(0, '127.0.0.1')
    await once(wire.#server, 'listening')
    return wire
  }

  get port (): number {
    return (this.#server.address() as AddressInfo).port
  }

  cut (): void {
    this.#isCut = true
    for (const end of this.#ends) end.pause()
  }

  mend (): void {
    this.#isCut = false
    for (const end of this.#ends) end.resume()
  }

  remove (): void {
    this.#server.close()
    for (const end of this.#ends) end.destroy()
  }
}
