import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openFanout, until, type FanoutRig } from '../support/fanout-rig.js'
import { NatsCluster, type Stored } from '../support/nats-cluster.js'
import { needs } from '../support/real-servers.js'

const LIMIT_MS = 180000
const TURN_MS = 20
const LINES_A_TURN = 40
const OUTAGE_MS = 20000
const CLIENT = 'the app'
/** What is to be delivered after a fault before the next one. */
const SOME_LINES = 2000
t.setTimeout(600000)

const servers = needs('nats-server')

/** An app that logs all the time into a stream with three replicas, and into a file. */
class Scene {
  readonly cluster: NatsCluster
  readonly fanout: FanoutRig
  readonly #file: string
  readonly #timer: NodeJS.Timeout
  logged = 0

  private constructor (cluster: NatsCluster, fanout: FanoutRig, file: string) {
    this.cluster = cluster
    this.fanout = fanout
    this.#file = file
    this.#timer = setInterval(() => {
      for (let n = 0; n < LINES_A_TURN; n++) fanout.log.info({ id: this.logged++ }, 'a line')
    }, TURN_MS)
  }

  static async open (t: Test): Promise<Scene> {
    const cluster = await NatsCluster.start(t)
    const folder = t.testdirName
    const file = join(folder, 'app.log')
    const fanout = openFanout({
      targets: [
        {
          name: 'stream',
          target: 'pino-breaker-fanout/nats',
          options: { servers: cluster.servers, stream: 'LOGS', subject: 'logs.{level}', create: { replicas: 3, subjects: ['logs.>'] }, name: CLIENT, timeoutMs: 2000 },
          whenOpen: 'spool',
          spool: { dir: join(folder, 'spool') },
          breaker: { failureThreshold: 2, recoveryTimeoutMs: 500 }
        },
        { name: 'file', target: 'pino/file', options: { destination: file } }
      ],
      diagnostics: false
    })
    const scene = new Scene(cluster, fanout, file)
    t.teardown(() => clearInterval(scene.#timer))
    await fanout.sinkWhen('stream', ({ linesDelivered }) => linesDelivered > SOME_LINES, 'the first lines to be delivered')
    await cluster.settled('LOGS')
    return scene
  }

  get delivered (): number {
    return this.fanout.snapshots.at(-1)?.sinks[0]?.linesDelivered ?? 0
  }

  /** Waits until more lines are delivered. */
  async goesOn (): Promise<void> {
    const from = this.delivered
    await until(() => this.delivered >= from + SOME_LINES, `${SOME_LINES} more lines to be delivered`, LIMIT_MS)
  }

  /** The name of the server that the app is connected to. */
  async server (): Promise<string> {
    for (const name of this.cluster.names) if (await this.cluster.node(name).hasClient(CLIENT)) return name
    throw new Error('the app has no server')
  }

  /** Has this node lead the stream. */
  async lead (name: string): Promise<void> {
    await this.#elect(leader => leader === name)
  }

  /** Has any other node lead the stream. */
  async follow (name: string): Promise<void> {
    await this.#elect(leader => leader !== name)
  }

  async #elect (isWanted: (leader: string) => boolean): Promise<void> {
    const deadline = Date.now() + LIMIT_MS
    while (!isWanted((await this.cluster.settled('LOGS')).cluster.leader)) {
      if (Date.now() > deadline) throw new Error('no wanted leader was elected')
      await this.cluster.stepDown('LOGS')
    }
  }

  /** Ends the app, and compares what it has logged with the stream and the file. */
  async check (t: Test): Promise<void> {
    clearInterval(this.#timer)
    await until(() => this.delivered === this.logged, `all lines to be delivered, of which ${this.delivered} are`, LIMIT_MS)
    await this.fanout.close()
    await this.cluster.settled('LOGS')
    const copies = new Map<number, Stored[]>()
    for (const stored of await this.cluster.read('LOGS')) {
      const { id } = JSON.parse(stored.text) as { id: number }
      copies.set(id, [...copies.get(id) ?? [], stored])
    }
    t.comment(`${this.logged} lines; transitions: ${this.fanout.transitions.map(({ to, reason }) => `${to} (${reason})`).join(', ')}`)
    t.same(Array.from({ length: this.logged }, (_, id) => id).filter(id => !copies.has(id)), [], 'no line is missing')
    const doubled = [...copies.values()].filter(({ length }) => length > 1).map(copies => copies.map(({ seq, id }) => `${id} at ${seq}`).join(', '))
    t.same(doubled.slice(0, 20), [], `no line is doubled: ${doubled.length} are`)
    t.equal(copies.size, this.logged)
    const inFile = readFileSync(this.#file, 'utf8').trimEnd().split('\n').map(line => (JSON.parse(line) as { id: number }).id)
    t.same(inFile, Array.from({ length: this.logged }, (_, id) => id), 'the file is complete and in order')
  }
}

t.test('the leader of the stream is killed three times, and each line is in the stream once', servers, async t => {
  const scene = await Scene.open(t)
  for (let kill = 0; kill < 3; kill++) {
    const { cluster: { leader } } = await scene.cluster.settled('LOGS')
    await scene.cluster.node(leader).kill()
    await scene.cluster.ask(async manager => (await manager.streams.info('LOGS')).cluster?.leader, name => name !== undefined && name !== '' && name !== leader)
    await scene.goesOn()
    scene.cluster.node(leader).start()
    await scene.cluster.settled('LOGS')
  }
  await scene.check(t)
})

for (const isLeader of [true, false]) {
  t.test(`${isLeader ? 'the leader' : 'another node'} is cut off for a while, and each line is in the stream once`, servers, async t => {
    const scene = await Scene.open(t)
    const { cluster: { leader } } = await scene.cluster.settled('LOGS')
    const name = isLeader ? leader : scene.cluster.names.find(name => name !== leader)!
    const node = scene.cluster.node(name)
    t.teardown(() => node.resume())
    node.pause()
    await scene.goesOn()
    await scene.goesOn()
    node.resume()
    await scene.goesOn()
    await scene.check(t)
  })
}

for (const isLeader of [true, false]) {
  t.test(`the app's own server is cut off from the others, ${isLeader ? 'as the leader' : 'which have the leader'}: the app finds another one, and each line is in the stream once`, servers, async t => {
    const scene = await Scene.open(t)
    const name = await scene.server()
    if (isLeader) await scene.lead(name)
    else await scene.follow(name)
    scene.cluster.cutOff(name)
    await scene.goesOn()
    t.not(await scene.server(), name)
    scene.cluster.mend()
    await scene.goesOn()
    await scene.check(t)
  })
}

t.test('all nodes are away for 20 s, and each line is in the stream once', servers, async t => {
  const scene = await Scene.open(t)
  await Promise.all(scene.cluster.names.map(async name => await scene.cluster.node(name).kill()))
  const away = Date.now()
  await scene.fanout.transitionTo('stream', 'open')
  await until(() => Date.now() - away > OUTAGE_MS, 'the end of the outage', LIMIT_MS)
  t.ok((scene.fanout.snapshots.at(-1)?.sinks[0]?.spoolLines ?? 0) > 0, 'lines wait on the disk')
  for (const name of scene.cluster.names) scene.cluster.node(name).start()
  await scene.goesOn()
  await scene.check(t)
})
