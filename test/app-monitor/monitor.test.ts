import { once, type EventEmitter } from 'node:events'
import type { MessagePort } from 'node:worker_threads'
import pino from 'pino'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { serveChannel } from '#lib/app-channel/channel-server'
import { monitor } from '#lib/app-monitor/monitor'
import type { Monitor, MonitorOptions } from '#lib/app-monitor/types'
import { FanoutError } from '#lib/errors'
import { codeOf, FakeControls, FakeTransport } from '../support/channel-rig.js'
import { until } from '../support/fanout-rig.js'
import { freshSink, snapshotOf } from '../support/snapshots.js'

const event = { sink: 'loki', from: 'closed', to: 'open', reason: 'network', generation: 1, consecutiveFailures: 5, openForMs: 0, retryInMs: 30000, time: 1 } as const

for (const kind of ['in another thread', 'in this thread'] as const) {
  t.test(`a transport ${kind}`, async t => {
    t.test('is watched by events', async t => {
      const { watch, controls } = open(t)
      const seen: unknown[] = []
      watch.on('transition', ({ to }) => seen.push(to))
      watch.once('notice', ({ kind }) => seen.push(kind))
      await watch.snapshot()
      for (const listener of controls.listeners) {
        listener.onTransition?.(event)
        listener.onNotice?.({ sink: 'loki', kind: 'stalled', time: 1, facts: {} })
      }
      await until(() => seen.length === 2, 'both events')
      t.same(seen, ['open', 'stalled'])
      const ended = next(watch, 'end')
      controls.end()
      t.match(await ended, [{ hasEnded: true }])
    })

    t.test('takes the calls', async t => {
      const { watch, controls } = open(t)
      await watch.open('loki')
      await watch.close('loki')
      await watch.reset('loki')
      await watch.replay('loki')
      t.same(await watch.reopen('loki'), ['loki'])
      t.same(await watch.reopen(), ['app.log'])
      await watch.setLevel('loki', 'debug')
      await watch.setLevel(undefined, 10)
      t.same(controls.calls.filter(([method]) => method !== 'snapshot'), [
        ['act', 'open', 'loki'], ['act', 'close', 'loki'], ['act', 'reset', 'loki'], ['act', 'replay', 'loki'], ['act', 'reopen', 'loki'],
        ['reopenFiles'], ['setLevel', 'debug', 'loki'], ['setLevel', 10, undefined]
      ])
    })

    t.test('says what it does not know', async t => {
      const { watch, controls } = open(t)
      controls.onAct = async () => { throw new FanoutError('ERR_FANOUT_UNKNOWN_SINK', 'there is no target "x"') }
      t.equal(await codeOf(watch.open('x')), 'ERR_FANOUT_UNKNOWN_SINK')
    })

    t.test('is read each interval while somebody listens for snapshots, and not otherwise', async t => {
      const { watch, controls } = open(t, { snapshotIntervalMs: 10 })
      await watch.reopen()
      const before = reads(controls)
      const seen: unknown[] = []
      const listener = (snapshot: unknown): void => { seen.push(snapshot) }
      watch.on('snapshot', listener)
      watch.on('snapshot', () => {})
      await until(() => seen.length >= 3, 'three snapshots')
      t.same(seen[0], controls.last)
      watch.removeAllListeners('snapshot')
      await watch.reopen()
      const after = reads(controls)
      await severalIntervals(t)
      t.ok(reads(controls) - after <= 1, 'one may have been under way')
      t.ok(after > before)
      watch.once('snapshot', listener)
      const { length } = seen
      await until(() => seen.length > length, 'it to begin again')
    })

    t.test('can be watched after removeAllListeners as before', async t => {
      const { watch } = open(t, { snapshotIntervalMs: 10 })
      watch.removeAllListeners()
      const seen = next(watch, 'snapshot')
      t.equal(watch.listenerCount('snapshot'), 1)
      await seen
      watch.on('snapshot', () => t.fail('it was removed'))
      watch.removeAllListeners()
      await next(watch, 'snapshot')
    })

    t.test('gives its last snapshot after the end, and can be steered no more', async t => {
      const { watch, controls } = open(t, { snapshotIntervalMs: 10 })
      await watch.snapshot()
      const ended = next(watch, 'end')
      controls.end()
      await ended
      t.match(await watch.snapshot(), { hasEnded: true })
      const before = reads(controls)
      watch.on('snapshot', () => t.fail('there are no more'))
      await severalIntervals(t)
      t.equal(reads(controls), before)
    })

    t.test('is left alone after detach', async t => {
      const { watch, controls, transport } = open(t)
      const before = listenersOf(transport)
      const forSighup = process.listenerCount('SIGHUP')
      const other = monitor(transport, { snapshotIntervalMs: 10, reopenOnSighup: true })
      other.on('snapshot', () => {})
      await other.snapshot()
      const registry = new Registry()
      const remove = other.prometheus(registry)
      other.detach()
      t.equal(listenersOf(transport), before)
      t.equal(process.listenerCount('SIGHUP'), forSighup)
      t.same(await registry.getMetricsAsJSON(), [])
      await until(() => controls.listeners.size === 1, 'the other end to let go')
      t.equal(await codeOf(other.snapshot()), 'ERR_FANOUT_CLOSED')
      t.equal(await codeOf(other.open('loki')), 'ERR_FANOUT_CLOSED')
      t.throws(() => other.prometheus(registry), { code: 'ERR_FANOUT_CLOSED' })
      remove()
      other.detach()
      t.same(await watch.reopen(), ['app.log'], 'another monitor goes on')
    })

    t.test('outlives a listener that throws, which is the fault of the app', async t => {
      const { watch, controls } = open(t)
      await watch.snapshot()
      const thrown: unknown[] = []
      const others = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.on('uncaughtException', error => thrown.push(error))
      t.teardown(() => {
        process.removeAllListeners('uncaughtException')
        for (const other of others) process.on('uncaughtException', other)
      })
      watch.on('transition', () => { throw new Error('of the app') })
      for (const listener of controls.listeners) listener.onTransition?.(event)
      await until(() => thrown.length > 0, 'the error')
      t.match(thrown, [{ message: 'of the app' }])
      t.same(await watch.reopen(), ['app.log'])
    })

    t.test('gives its metrics to a registry of the app, and its last ones after the end', async t => {
      const { watch, controls } = open(t)
      const registry = new Registry()
      const remove = watch.prometheus(registry)
      controls.last = snapshotOf(freshSink('loki', { linesDelivered: 5 }))
      t.match(await registry.metrics(), 'pino_breaker_fanout_lines_delivered_total{sink="loki"} 5')
      t.throws(() => watch.prometheus(registry), { code: 'ERR_FANOUT_METRIC_EXISTS' })
      const ended = next(watch, 'end')
      controls.end(snapshotOf(freshSink('loki', { linesDelivered: 6 })))
      await ended
      t.match(await registry.metrics(), 'pino_breaker_fanout_lines_delivered_total{sink="loki"} 6')
      remove()
      t.equal((await registry.metrics()).trim(), '')
    })

    function open (t: Test, options: MonitorOptions = {}): { watch: Monitor, controls: FakeControls, transport: FakeTransport | FakeControls } {
      const controls = new FakeControls()
      const transport = kind === 'in this thread' ? controls : servedTransport(controls)
      const watch = monitor(transport, { answerTimeoutMs: 20000, ...options })
      t.teardown(() => watch.detach())
      return { watch, controls, transport }
    }

    /** Resolves after several intervals of another monitor. */
    async function severalIntervals (t: Test): Promise<void> {
      const { watch } = open(t, { snapshotIntervalMs: 10 })
      for (let n = 0; n < 5; n++) await next(watch, 'snapshot')
    }
  })
}

t.test('a registry keeps the last values of a thread that has died, beside those of the app', async t => {
  const controls = new FakeControls()
  controls.last = snapshotOf(freshSink('loki', { linesDelivered: 5 }))
  const transport = servedTransport(controls)
  const watch = monitor(transport)
  const registry = new Registry()
  watch.prometheus(registry)
  await watch.snapshot()
  transport.close(new Error('the worker thread exited'))
  t.match(await registry.metrics(), 'lines_delivered_total{sink="loki"} 5')
  t.equal(await codeOf(watch.snapshot()), 'ERR_FANOUT_NO_ANSWER')
})

t.test('SIGHUP reopens the files, if that is asked for', async t => {
  const controls = new FakeControls()
  const before = process.listenerCount('SIGHUP')
  const watch = monitor(controls, { reopenOnSighup: true })
  t.equal(process.listenerCount('SIGHUP'), before + 1)
  process.kill(process.pid, 'SIGHUP')
  await until(() => controls.calls.some(([method]) => method === 'reopenFiles'), 'the files')
  watch.detach()
  t.equal(process.listenerCount('SIGHUP'), before)
})

t.test('files that could not be reopened at SIGHUP are told by a warning', async t => {
  const transport = new FakeTransport()
  const watch = monitor(transport, { reopenOnSighup: true, answerTimeoutMs: 10 })
  t.teardown(() => watch.detach())
  const warned = next(process, 'warning')
  process.kill(process.pid, 'SIGHUP')
  t.match(await warned, [{ name: 'FanoutWarning', message: /no file was reopened at SIGHUP: .*ERR_FANOUT_NO_ANSWER/ }])
})

t.test('wrong arguments are named', async t => {
  for (const [transport, got] of [[undefined, 'nothing'], [null, 'null'], [{}, 'an empty object'], ['pino-breaker-fanout', '"pino-breaker-fanout"'], [pino({ enabled: false }), 'a logger'], [process.stdout, 'an object']] as const) {
    t.throws(() => monitor(transport as never), { name: 'TypeError', message: `expected what pino.transport({ target: 'pino-breaker-fanout', … }) returns, or a FanoutStream, got ${got}` })
  }
  const controls = new FakeControls()
  t.throws(() => monitor(controls, { snapshotIntervalMs: 0, reopenOnSigHup: true } as never), {
    code: 'ERR_FANOUT_OPTIONS',
    message: 'ERR_FANOUT_OPTIONS: snapshotIntervalMs: expected an integer from 10 to 2147483647, got 0\n  reopenOnSigHup: unknown option; did you mean "reopenOnSighup"?'
  })
  t.throws(() => monitor(controls, 5 as never), { code: 'ERR_FANOUT_OPTIONS', message: /expected an object, got 5/ })
  t.equal(controls.listeners.size, 0)
  const watch = monitor(controls)
  for (const call of ['open', 'close', 'reset', 'replay'] as const) {
    await t.rejects((watch[call] as () => Promise<void>)(), { name: 'TypeError', message: 'sink: expected the name of a target, got nothing' })
  }
  await t.rejects(watch.reopen(5 as never), { name: 'TypeError', message: 'sink: expected the name of a target, got 5' })
  await t.rejects(watch.setLevel('loki', undefined as never), { name: 'TypeError', message: 'level: expected a number or a label, got nothing' })
  t.throws(() => watch.prometheus(undefined as never), { name: 'TypeError', message: 'expected a Registry of prom-client, got nothing' })
  t.throws(() => watch.opentelemetry({} as never), { name: 'TypeError', message: 'expected a Meter of @opentelemetry/api, got an empty object' })
})

/** Waits for an event. A monitor alone does not keep the process alive. */
async function next (emitter: EventEmitter, event: string): Promise<unknown[]> {
  const limit = setTimeout(() => {}, 20000)
  const args = await once(emitter, event)
  clearTimeout(limit)
  return args
}

/** How many listeners that a transport has. */
function listenersOf (transport: FakeTransport | FakeControls): number {
  return transport instanceof FakeTransport ? transport.eventNames().reduce((sum, name) => sum + transport.listenerCount(name), 0) : transport.listeners.size
}

function reads (controls: FakeControls): number {
  return controls.calls.filter(([method]) => method === 'snapshot').length
}

/** A transport whose thread serves every offer. */
function servedTransport (controls: FakeControls): FakeTransport {
  const transport = new FakeTransport()
  transport.on('message', ({ port }: { port: MessagePort }) => serveChannel(port, controls))
  return transport
}
