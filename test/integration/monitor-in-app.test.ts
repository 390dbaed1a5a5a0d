import { InMemoryMetricExporter, AggregationTemporality, MeterProvider, PeriodicExportingMetricReader, type DataPoint, type Histogram, type MetricData } from '@opentelemetry/sdk-metrics'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import pino from 'pino'
import fanout, { type FanoutOptions, type SinkSnapshot, type TargetOptions, type TransitionEvent } from 'pino-breaker-fanout'
import { monitor, type Monitor, type MonitorOptions } from 'pino-breaker-fanout/monitor'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { codeOf } from '../support/channel-rig.js'
import { runCase } from '../support/case-app.js'
import { accountedLines, closeTransport, openFanout, until, type AppTransport, type FanoutRig } from '../support/fanout-rig.js'

t.setTimeout(300000)

const BREAKER = { failureThreshold: 1, recoveryTimeoutMs: 60000 }
/** A busy machine may let an answer wait for longer than a second. */
const PATIENT: MonitorOptions = { answerTimeoutMs: 20000 }

interface Scene extends FanoutRig {
  dir: string
  watch: Monitor
  transitionsSeen: TransitionEvent[]
}

/** A delivery sink that is down while its file `down` exists, and the numbers of the lines that it has taken. */
function backendIn (dir: string, fields: Partial<TargetOptions> = {}): { target: TargetOptions, down: string, ids: () => number[] } {
  const [lines, attempts, down] = ['lines', 'attempts', 'down'].map(what => join(dir, what)) as [string, string, string]
  return { target: { name: 'backend', target: resolve('test/fixtures/sink-records-batches.js'), options: { lines, attempts, down }, breaker: BREAKER, ...fields } as TargetOptions, down, ids: () => idsIn(lines) }
}

function idsIn (...files: string[]): number[] {
  return files.filter(file => existsSync(file)).flatMap(file => readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => (JSON.parse(line) as { id: number }).id))
}

function numbers (count: number): number[] {
  return Array.from({ length: count }, (_, id) => id)
}

function logLines ({ log }: { log: pino.Logger }, from: number, to: number): void {
  for (let id = from; id < to; id++) log.info({ id })
}

/** A real transport with a monitor. */
function open (t: Test, options: (dir: string) => FanoutOptions, monitorOptions = PATIENT): Scene {
  const dir = t.testdir()
  const rig = openFanout({ diagnostics: false, ...options(dir) }, { level: 'trace' })
  const watch = monitor(rig.transport, monitorOptions)
  const transitionsSeen: TransitionEvent[] = []
  watch.on('transition', event => transitionsSeen.push(event))
  t.teardown(() => watch.detach())
  return { ...rig, dir, watch, transitionsSeen }
}

async function sinkOf (watch: Monitor, name: string): Promise<SinkSnapshot> {
  return (await watch.snapshot()).sinks.find(sink => sink.name === name) as SinkSnapshot
}

/** Waits until a sink is as it should be. */
async function sinkWhen (watch: Monitor, name: string, condition: (sink: SinkSnapshot) => boolean): Promise<SinkSnapshot> {
  for (;;) {
    const sink = await sinkOf(watch, name)
    if (condition(sink)) return sink
  }
}

for (const isolation of ['inline', 'thread'] as const) {
  t.test(`a sink (${isolation}) is opened, closed and reset from the app's thread`, async t => {
    const scene = open(t, dir => ({ targets: [backendIn(dir, { isolation }).target] }))
    const { watch, transitionsSeen } = scene
    await watch.open('backend')
    t.match(await sinkOf(watch, 'backend'), { state: 'open', stateReason: 'forced' })
    logLines(scene, 0, 10)
    await sinkWhen(watch, 'backend', ({ queueLines }) => queueLines === 10)
    await watch.close('backend')
    await sinkWhen(watch, 'backend', ({ state, linesDelivered }) => state === 'closed' && linesDelivered === 10)
    await watch.open('backend')
    await watch.open('backend')
    await watch.reset('backend')
    t.match(await sinkOf(watch, 'backend'), { state: 'closed', stateReason: 'reset' })
    t.same(transitionsSeen.map(({ from, to, reason }) => `${from} ${to} ${reason}`), ['closed open forced', 'open closed forced', 'closed open forced', 'open closed reset'])
    await scene.close()
  })

  t.test(`a sink (${isolation}) that is back is probed at once by replay`, async t => {
    let backend = {} as ReturnType<typeof backendIn>
    const scene = open(t, dir => {
      backend = backendIn(dir, { isolation })
      writeFileSync(backend.down, '')
      return { targets: [backend.target] }
    })
    const { watch } = scene
    logLines(scene, 0, 100)
    await sinkWhen(watch, 'backend', ({ state }) => state === 'open')
    rmSync(backend.down)
    await watch.replay('backend')
    await sinkWhen(watch, 'backend', ({ state, linesDelivered }) => state === 'closed' && linesDelivered === 100)
    t.same(backend.ids(), numbers(100))
    await scene.close()
  })

  t.test(`a file (${isolation}) gets the lines of the level that is set at run time`, async t => {
    const scene = open(t, dir => ({ targets: [{ name: 'file', level: 'info', isolation, target: 'pino/file', options: { destination: join(dir, 'file') } }] }))
    const { watch, log, dir } = scene
    const settled = async (received: number): Promise<void> => { await sinkWhen(watch, 'file', ({ linesReceived, linesDelivered }) => linesReceived === received && linesDelivered === received) }
    log.debug({ id: 0 })
    log.info({ id: 1 })
    await settled(1)
    await watch.setLevel('file', 'debug')
    log.debug({ id: 2 })
    await settled(2)
    await watch.setLevel(undefined, 40)
    log.info({ id: 3 })
    log.warn({ id: 4 })
    await settled(3)
    await watch.setLevel('file', 'all')
    log.trace({ id: 5 })
    await settled(4)
    t.equal((await sinkOf(watch, 'file')).level, 'all')
    t.equal(await codeOf(watch.setLevel('file', 'loud')), 'ERR_FANOUT_UNKNOWN_LEVEL')
    t.equal(await codeOf(watch.setLevel('fil', 'info')), 'ERR_FANOUT_UNKNOWN_SINK')
    await scene.close()
    t.same(idsIn(join(dir, 'file')), [1, 2, 4, 5])
  })

  t.test(`a file (${isolation}) that is renamed again and again under load loses no line`, async t => {
    const scene = open(t, dir => ({ targets: [{ name: 'file', isolation, target: 'pino/file', options: { destination: join(dir, 'file') } }] }))
    const { watch, dir } = scene
    const file = join(dir, 'file')
    const rotated = []
    const lines = 20000
    const rotations = 8
    for (let rotation = 0; rotation < rotations; rotation++) {
      logLines(scene, rotation * lines / rotations, (rotation + 1) * lines / rotations)
      await until(() => existsSync(file), 'the file')
      renameSync(file, `${file}.${rotation}`)
      rotated.push(`${file}.${rotation}`)
      t.same(await (rotation % 2 === 0 ? watch.reopen() : watch.reopen('file')), ['file'])
    }
    await scene.close()
    t.same(idsIn(...rotated, file), numbers(lines))
    t.same(scene.transitionsSeen, [])
  })
}

t.test('calls before the transport is ready are carried out', async t => {
  const scene = open(t, dir => ({ targets: [backendIn(dir).target] }))
  const { watch, transport, transitionsSeen } = scene
  t.equal((transport as unknown as { ready: boolean }).ready, false)
  const [, snapshot] = await Promise.all([watch.open('backend'), watch.snapshot(), watch.setLevel('backend', 'error')])
  t.match(snapshot.sinks, [{ name: 'backend', state: 'open' }])
  t.match(await sinkOf(watch, 'backend'), { level: 50 })
  t.equal(transitionsSeen.length, 1)
  await scene.close()
})

t.test('under load every call is answered, and every line arrives', async t => {
  let backend = {} as ReturnType<typeof backendIn>
  const scene = open(t, dir => {
    backend = backendIn(dir, { breaker: { ...BREAKER, recoveryTimeoutMs: 20 } })
    return { targets: [backend.target, { name: 'file', target: 'pino/file', options: { destination: join(dir, 'file') } }] }
  })
  const { watch, dir } = scene
  const other = monitor(scene.transport, PATIENT)
  const lines = 50000
  let calls = 0
  const logging = { isOver: false }
  const acting = [watch, other].map(async watch => {
    while (!logging.isOver) {
      await Promise.all([watch.open('backend'), watch.snapshot(), watch.reopen('file'), watch.setLevel('backend', 'trace')])
      await Promise.all([watch.close('backend'), watch.replay('backend')])
      for (const sink of (await watch.snapshot()).sinks) t.equal(accountedLines(sink), sink.linesReceived)
      calls += 7
    }
  })
  for (let id = 0; id < lines; id += 1000) {
    logLines(scene, id, id + 1000)
    await new Promise(setImmediate)
  }
  logging.isOver = true
  await Promise.all(acting)
  await watch.close('backend')
  t.ok(calls > 0)
  other.detach()
  await scene.close()
  t.same(idsIn(join(dir, 'file')), numbers(lines))
  t.same([...new Set(backend.ids())].sort((a, b) => a - b), numbers(lines))
  for (const { name, linesDelivered } of (await watch.snapshot()).sinks) t.equal(linesDelivered, lines, name)
})

t.test('two monitors see the same, and each its own answers', async t => {
  const scene = open(t, dir => ({ targets: [backendIn(dir).target] }))
  const other = monitor(scene.transport, PATIENT)
  const seen: string[] = []
  other.on('transition', ({ to }) => seen.push(to))
  await Promise.all([scene.watch.open('backend'), codeOf(other.open('nobody')), other.snapshot()])
  await other.close('backend')
  await until(() => seen.length === 2 && scene.transitionsSeen.length === 2, 'both to see both')
  other.detach()
  await scene.watch.open('backend')
  await until(() => scene.transitionsSeen.length === 3, 'the third')
  t.same(seen, ['open', 'closed'])
  await scene.close()
})

t.test('after the end there is the last snapshot, and nothing can be done any more', async t => {
  const scene = open(t, dir => ({ targets: [backendIn(dir).target] }))
  const { watch, transport } = scene
  const ends: unknown[] = []
  watch.on('end', snapshot => ends.push(snapshot))
  logLines(scene, 0, 50)
  await watch.snapshot()
  await scene.close()
  await until(() => ends.length > 0, 'the end')
  t.match(ends, [{ hasEnded: true, sinks: [{ linesReceived: 50, linesDelivered: 50 }] }])
  t.same(await watch.snapshot(), ends[0])
  for (const call of [watch.open('backend'), watch.reopen(), watch.setLevel(undefined, 'info'), watch.replay('backend')]) t.equal(await codeOf(call), 'ERR_FANOUT_CLOSED')

  const late = monitor(transport)
  late.on('end', snapshot => ends.push(snapshot))
  t.equal(await codeOf(late.open('backend')), 'ERR_FANOUT_CLOSED')
  t.equal(await codeOf(late.snapshot()), 'ERR_FANOUT_CLOSED')
  await until(() => ends.length > 1, 'the end of the late one')
  t.equal(ends[1], undefined)
})

t.test('calls while the transport is ending are refused or answered, and never left open', async t => {
  const scene = open(t, dir => ({ targets: [backendIn(dir).target] }))
  const { watch } = scene
  logLines(scene, 0, 1000)
  await watch.snapshot()
  const calls = [watch.snapshot(), watch.open('backend'), watch.reopen('backend')].map(codeOf)
  const closed = scene.close()
  calls.push(codeOf(watch.reset('backend')))
  await closed
  for (const outcome of await Promise.all(calls)) t.ok(outcome === 'resolved' || outcome === 'ERR_FANOUT_CLOSED', String(outcome))
})

t.test('a transport whose thread is killed is told from one that has ended', async t => {
  const scene = open(t, dir => ({ targets: [backendIn(dir).target] }))
  const { watch, transport } = scene
  const ends: unknown[] = []
  watch.on('end', snapshot => ends.push(snapshot))
  transport.on('error', () => {})
  await watch.snapshot()
  await (transport as unknown as { worker: { terminate (): Promise<void> } }).worker.terminate()
  t.equal(await codeOf(watch.open('backend')), 'ERR_FANOUT_NO_ANSWER')
  await until(() => ends.length > 0, 'the end')
  t.same(ends, [undefined])
  t.equal(await codeOf(watch.snapshot()), 'ERR_FANOUT_NO_ANSWER')
  t.match(await watch.open('backend').catch((error: Error) => error.message), /the thread of the transport has exited/)
  t.equal(await codeOf(monitor(transport).snapshot()), 'ERR_FANOUT_NO_ANSWER')
})

t.test('a transport that cannot start is told at once', async t => {
  const transport = pino.transport({ target: 'pino-breaker-fanout', options: { targets: [] } }) as AppTransport
  transport.on('error', () => {})
  const watch = monitor(transport)
  t.equal(await codeOf(watch.snapshot()), 'ERR_FANOUT_NO_ANSWER')
})

t.test('a blocked thread refuses calls in time, does not carry them out later, and answers again', async t => {
  const scene = open(t, dir => {
    const [block, blocked] = [join(dir, 'block'), join(dir, 'blocked')]
    writeFileSync(block, '')
    return { targets: [{ name: 'blocker', isolation: 'inline', target: resolve('test/fixtures/sink-blocks-its-thread.js'), options: { block, blocked } }, backendIn(dir).target] }
  }, {})
  const { watch, dir, transitionsSeen } = scene
  const late = monitor(scene.transport, PATIENT)
  await late.snapshot()
  logLines(scene, 0, 10)
  await until(() => existsSync(join(dir, 'blocked')), 'it to block')
  t.equal(await codeOf(watch.open('backend')), 'ERR_FANOUT_NO_ANSWER')
  t.equal(await codeOf(watch.snapshot()), 'ERR_FANOUT_NO_ANSWER')
  const attachedMeanwhile = monitor(scene.transport)
  t.equal(await codeOf(attachedMeanwhile.open('backend')), 'ERR_FANOUT_NO_ANSWER')
  rmSync(join(dir, 'block'))
  t.match(await sinkOf(late, 'backend'), { state: 'closed', transitions: [] })
  t.same(transitionsSeen, [])
  for (const watch of [late, attachedMeanwhile]) watch.detach()
  await scene.close()
})

t.test('snapshots come each interval while somebody listens, with what has happened', async t => {
  const scene = open(t, dir => ({ targets: [backendIn(dir).target] }), { ...PATIENT, snapshotIntervalMs: 20 })
  const delivered: number[] = []
  scene.watch.on('snapshot', ({ sinks }) => delivered.push((sinks[0] as SinkSnapshot).linesDelivered))
  await until(() => delivered.length > 1, 'two snapshots')
  logLines(scene, 0, 30)
  await until(() => delivered.at(-1) === 30, 'the lines')
  await scene.close()
})

t.test('a FanoutStream of this thread is watched and steered directly', async t => {
  const dir = t.testdir()
  const file = join(dir, 'file')
  const stream = await fanout({ targets: [{ name: 'file', target: 'pino/file', options: { destination: file } }], diagnostics: false })
  const watch = monitor(stream, { snapshotIntervalMs: 20 })
  const seen: string[] = []
  watch.on('transition', ({ to }) => seen.push(to))
  watch.on('end', snapshot => seen.push(`ended ${snapshot?.hasEnded}`))
  await watch.open('file')
  await watch.close('file')
  t.equal(await codeOf(watch.open('nobody')), 'ERR_FANOUT_UNKNOWN_SINK')
  stream.write('{"level":30,"id":0}\n')
  await until(() => existsSync(file) && idsIn(file).length === 1, 'the line')
  renameSync(file, `${file}.1`)
  t.same(await watch.reopen(), ['file'])
  stream.end('{"level":30,"id":1}\n')
  await once(stream, 'close')
  t.same([idsIn(`${file}.1`), idsIn(file)], [[0], [1]])
  await until(() => seen.length === 3, 'the end')
  t.same(seen, ['open', 'closed', 'ended true'])
  t.match(await watch.snapshot(), { hasEnded: true, sinks: [{ linesDelivered: 2 }] })
  t.equal(await codeOf(watch.open('file')), 'ERR_FANOUT_CLOSED')
})

t.test('nothing grows with the number of monitors that come and go', async t => {
  const scene = open(t, dir => ({ targets: [backendIn(dir).target] }))
  await scene.watch.snapshot()
  const count = (): number[] => [scene.transport as unknown as NodeJS.EventEmitter, process].map(emitter => emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0))
  const before = count()
  for (let times = 0; times < 30; times++) {
    const watch = monitor(scene.transport, { ...PATIENT, snapshotIntervalMs: 10, reopenOnSighup: true })
    watch.on('snapshot', () => {})
    watch.prometheus(new Registry())
    if (times % 2 === 0) await watch.snapshot()
    watch.detach()
  }
  t.same(count(), before)
  await scene.close()
  t.notOk(process.getActiveResourcesInfo().includes('MessagePort'))
})

for (const [shape, wrap] of [
  ['targets', (target: object) => ({ targets: [target, { target: 'pino/file', options: { destination: '/dev/null' } }] })],
  ['a pipeline', (target: object) => ({ pipeline: [target] })]
] as const) {
  t.test(`a transport inside pino's own ${shape} is reached too`, async t => {
    const dir = t.testdir()
    const transport = pino.transport(wrap({ target: 'pino-breaker-fanout', options: { targets: [backendIn(dir).target], diagnostics: false } }) as never) as AppTransport
    const watch = monitor(transport, PATIENT)
    const log = pino({ base: null }, transport)
    log.info({ id: 0 })
    await sinkWhen(watch, 'backend', ({ linesDelivered }) => linesDelivered === 1)
    await watch.open('backend')
    t.match(await watch.snapshot(), { sinks: [{ name: 'backend', state: 'open' }] })
    await closeTransport(transport)
  })
}

t.test('of several transports in one thread the first is reached', async t => {
  const dir = t.testdir()
  const of = (name: string): object => ({ target: 'pino-breaker-fanout', options: { targets: [{ name, target: 'pino/file', options: { destination: join(dir, name) } }], diagnostics: false } })
  const transport = pino.transport({ targets: [of('one'), of('two')] } as never) as AppTransport
  const watch = monitor(transport, PATIENT)
  const transitions: TransitionEvent[] = []
  watch.on('transition', event => transitions.push(event))
  const { sinks: [sink] } = await watch.snapshot()
  t.equal(await codeOf(watch.open(sink?.name === 'one' ? 'two' : 'one')), 'ERR_FANOUT_UNKNOWN_SINK')
  await watch.open(sink?.name as string)
  await watch.snapshot()
  t.match(transitions, [{ sink: sink?.name, to: 'open' }])
  t.equal(transitions.length, 1)
  await closeTransport(transport)
})

t.test('a transport of somebody else does not answer, which is told in words, and takes no harm', async t => {
  const dir = t.testdir()
  const file = join(dir, 'file')
  const transport = pino.transport({ target: 'pino/file', options: { destination: file } }) as AppTransport
  const watch = monitor(transport)
  t.match(await watch.snapshot().catch((error: Error) => error), { code: 'ERR_FANOUT_NO_ANSWER', message: /not one of pino\.transport\(\{ target: 'pino-breaker-fanout'/ })
  pino({ base: null }, transport).info({ id: 0 })
  await closeTransport(transport)
  t.same(idsIn(file), [0])
})

t.test('a process with a monitor ends by itself, with every line', async t => {
  const { told, result, missing } = await runCase(t, { targets: [{ name: 'file', target: 'pino/file', options: { destination: 'DIR/file' } }] }, `
    const { monitor } = await import('pino-breaker-fanout/monitor')
    const { Registry } = await import('prom-client')
    const { MeterProvider } = await import('@opentelemetry/sdk-metrics')
    const watch = monitor(transport, { reopenOnSighup: true, answerTimeoutMs: 20000 })
    for (const event of ['transition', 'snapshot', 'notice', 'end']) watch.on(event, () => {})
    watch.prometheus(new Registry())
    watch.opentelemetry(new MeterProvider().getMeter('app'))
    // Nothing else keeps the process alive until this is answered.
    tell({ sinks: (await watch.snapshot()).sinks.length })
    for (let n = 0; n < 1000; n++) log.info({ n })`)
  t.match(result, { code: 0, signal: null, stderr: '' })
  t.same(told, [{ sinks: 1 }])
  t.equal(missing('file', 1000), 0)
})

t.test('SIGHUP after a rotation opens a new file, without a lost line', async t => {
  const { dir, told, result } = await runCase(t, { targets: [{ name: 'file', target: 'pino/file', options: { destination: 'DIR/file' } }, { name: 'other', target: 'pino/file', isolation: 'thread', options: { destination: 'DIR/other' } }], diagnostics: false }, `
    const { monitor } = await import('pino-breaker-fanout/monitor')
    monitor(transport, { reopenOnSighup: true, answerTimeoutMs: 20000 })
    await ready
    let id = 0
    const logging = setInterval(() => { for (let times = 0; times < 50; times++) log.info({ id: id++ }) }, 1)
    const exist = async () => { while (!['file', 'other'].every(name => fs.existsSync(name) && fs.statSync(name).size > 0)) await sleep(5) }
    for (let rotation = 0; rotation < 3; rotation++) {
      await exist()
      for (const name of ['file', 'other']) fs.renameSync(name, name + '.' + rotation)
      process.kill(process.pid, 'SIGHUP')
      await exist()
    }
    clearInterval(logging)
    tell({ id })`)
  t.match(result, { code: 0, signal: null, stderr: '' })
  const { id } = told[0] as { id: number }
  for (const name of ['file', 'other']) t.same(idsIn(...[0, 1, 2].map(rotation => join(dir, `${name}.${rotation}`)), join(dir, name)), numbers(id), name)
})

t.test('metrics of a transport reach a registry of the app, also from an outage', async t => {
  let backend = {} as ReturnType<typeof backendIn>
  const scene = open(t, dir => {
    backend = backendIn(dir)
    writeFileSync(backend.down, '')
    return { targets: [backend.target] }
  })
  const registry = new Registry()
  scene.watch.prometheus(registry)
  logLines(scene, 0, 10)
  await sinkWhen(scene.watch, 'backend', ({ state }) => state === 'open')
  const text = await registry.metrics()
  t.match(text, 'pino_breaker_fanout_circuit_state{sink="backend",state="open"} 1')
  t.match(text, 'pino_breaker_fanout_circuit_transitions_total{sink="backend",from="closed",to="open",reason="write-error"} 1')
  t.match(text, 'pino_breaker_fanout_queue_lines{sink="backend"} 10')
  rmSync(backend.down)
  await scene.watch.replay('backend')
  await sinkWhen(scene.watch, 'backend', ({ linesDelivered }) => linesDelivered === 10)
  await scene.close()
  t.match(await registry.metrics(), 'pino_breaker_fanout_lines_delivered_total{sink="backend"} 10')
})

t.test('metrics of a transport reach the exporter of OpenTelemetry, through an outage and after the end', async t => {
  let backend = {} as ReturnType<typeof backendIn>
  const scene = open(t, dir => {
    backend = backendIn(dir)
    writeFileSync(backend.down, '')
    return { targets: [backend.target] }
  })
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 })
  const provider = new MeterProvider({ readers: [reader] })
  scene.watch.opentelemetry(provider.getMeter('app'))
  const points = async (name: string): Promise<Array<DataPoint<unknown>>> => {
    exporter.reset()
    await reader.forceFlush()
    const metrics: MetricData[] = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
    return metrics.find(({ descriptor }) => descriptor.name === `pino.breaker_fanout.${name}`)?.dataPoints ?? []
  }
  const values = async (name: string): Promise<unknown> => (await points(name)).filter(({ value }) => value !== 0).map(({ attributes, value }) => ({ ...attributes, value }))

  logLines(scene, 0, 10)
  await sinkWhen(scene.watch, 'backend', ({ state }) => state === 'open')
  t.same(await values('circuit.status'), [{ 'pino.breaker_fanout.sink.name': 'backend', 'pino.breaker_fanout.circuit.state': 'open', value: 1 }])
  t.same(await values('sink.failures'), [{ 'pino.breaker_fanout.sink.name': 'backend', 'error.type': 'write-error', value: 1 }])
  t.same(await values('queue.size'), [{ 'pino.breaker_fanout.sink.name': 'backend', value: 10 }])
  t.same(await points('attempt.duration'), [])
  rmSync(backend.down)
  await scene.watch.replay('backend')
  await sinkWhen(scene.watch, 'backend', ({ linesDelivered }) => linesDelivered === 10)
  logLines(scene, 10, 500)
  await scene.close()

  const { attempts } = await sinkOf(scene.watch, 'backend')
  t.ok(attempts.count > 1)
  const [duration] = await points('attempt.duration') as Array<DataPoint<Histogram>>
  t.same(duration?.attributes, { 'pino.breaker_fanout.sink.name': 'backend' })
  t.same(duration?.value.buckets.counts, attempts.buckets.map(({ count }) => count))
  t.equal(duration?.value.count, attempts.count)
  t.ok(Math.abs((duration?.value.sum ?? 0) * 1000 - attempts.sumMs) < 1e-6, `${duration?.value.sum} of ${attempts.sumMs}`)
  t.same(await values('line.delivered'), [{ 'pino.breaker_fanout.sink.name': 'backend', value: 500 }])
  await provider.shutdown()
})
