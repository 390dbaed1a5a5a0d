import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { Permit, TransitionEvent } from '#lib/breaker'
import type { SinkFailure } from '#lib/failure'
import { Gate, type GateDeps } from '#lib/lane/gate'
import { HandClock } from '../support/hand-clock.js'

const clock = new HandClock()
const down: SinkFailure = { reason: 'network', err: { type: 'Error', message: 'refused' } }

class Rig {
  readonly gate: Gate
  readonly transitions: TransitionEvent[] = []
  readonly unhealthy: SinkFailure[] = []
  dues = 0
  onDue = (): void => {}

  constructor (options: Partial<GateDeps> = {}) {
    this.gate = new Gate({ sink: 'loki', breaker: { failureThreshold: 1, recoveryTimeoutMs: 30000 }, healthCheck: undefined, clock, random: () => 0, ...options }, {
      onTransition: event => { this.transitions.push(event) },
      onDue: () => {
        this.dues++
        this.onDue()
      },
      onUnhealthy: failure => { this.unhealthy.push(failure) }
    })
  }
}

t.test('by the clock alone', async t => {
  t.beforeEach(() => { clock.take() })
  t.afterEach(() => { clock.release() })

  t.test('a pause keeps everything back, as long as the backend wants it and no longer than maxRecoveryTimeoutMs', async t => {
    const rig = new Rig({ breaker: { failureThreshold: 1, recoveryTimeoutMs: 100, maxRecoveryTimeoutMs: 5000 } })
    rig.gate.pause(1000)
    rig.gate.pause(500)
    t.equal(rig.gate.isPaused, true)
    t.equal(rig.gate.take(), undefined)
    t.equal(rig.gate.reserve(), false)
    clock.advance(999)
    t.equal(rig.dues, 0)
    clock.advance(1)
    t.same([rig.dues, rig.gate.isPaused], [1, false])
    rig.gate.pause(Infinity)
    clock.advance(5000)
    t.equal(rig.dues, 2)
  })

  t.test('a pause puts off the probe, but for the last one', async t => {
    const rig = new Rig()
    rig.gate.fail(rig.gate.take(), down)
    rig.gate.pause(60000)
    rig.gate.awaitRecovery()
    clock.advance(59999)
    t.equal(rig.gate.reserve(), false)
    rig.gate.reserveEarly()
    t.match(rig.gate, { hasReserved: true, isPaused: false, breaker: { state: 'half-open' } })
  })

  t.test('a gate that is stopped has no timer', async t => {
    const rig = new Rig()
    rig.gate.pause(1000)
    rig.gate.stop()
    t.equal(clock.timers, 0)
  })

  t.test('a gate that is closed, as its breaker is, lets everything through', async t => {
    const { gate } = new Rig()
    t.match(gate, { isTripped: false, isShut: false, hasReserved: false, breaker: { state: 'closed', consecutiveFailures: 0, generation: 0, settings: { settleMs: 6000 } } })
    t.ok(gate.take())
    t.ok(gate.take())
  })

  t.test('a failure is that of the attempt, or one of its own', async t => {
    const { gate } = new Rig({ breaker: { failureThreshold: 3 } })
    gate.fail(gate.take(), down)
    gate.fail(null, down)
    t.equal(gate.breaker.consecutiveFailures, 2)
    gate.fail(undefined, down)
    t.match(gate, { breaker: { state: 'open' }, isTripped: true, isShut: true })
  })

  t.test('a gate that is shut gives leave to one probe, once it is due', async t => {
    const { gate } = new Rig()
    gate.fail(null, down)
    t.equal(gate.take(), undefined)
    t.notOk(gate.reserve())
    clock.advance(30000)
    t.ok(gate.reserve())
    t.ok(gate.reserve(), 'it is kept')
    t.match(gate, { breaker: { state: 'half-open' }, isTripped: true, isShut: false, hasReserved: true })
    const permit = gate.take() as Permit
    t.notOk(gate.hasReserved)
    t.equal(gate.take(), undefined)
    permit.success()
    t.equal(gate.breaker.state, 'closed')
  })

  t.test('a probe that is reserved fails with the sink that it waits for', async t => {
    const { gate, transitions } = new Rig()
    gate.fail(null, down)
    clock.advance(30000)
    gate.reserve()
    gate.fail(undefined, down)
    t.match(gate, { breaker: { state: 'open' }, hasReserved: false })
    t.match(transitions.at(-1), { from: 'half-open', to: 'open', reason: 'network' })
  })

  t.test('leave that is given back is there for the next', async t => {
    const { gate } = new Rig()
    gate.fail(null, down)
    clock.advance(30000)
    gate.reserve()
    gate.giveBack()
    gate.giveBack()
    t.ok(gate.take())
  })

  t.test('the last probe does not wait for its time', async t => {
    const { gate } = new Rig()
    gate.fail(null, down)
    gate.reserveEarly()
    t.match(gate, { breaker: { state: 'half-open' }, hasReserved: true })
    gate.reserveEarly()
    t.ok(gate.take())
    gate.reserveEarly()
    t.notOk(gate.hasReserved)
  })

  t.test('recovery is awaited with one timer, which is released with the gate', async t => {
    const rig = new Rig()
    rig.gate.awaitRecovery()
    t.equal(clock.timers, 0, 'there is nothing to recover from')
    rig.gate.fail(null, down)
    rig.gate.awaitRecovery()
    rig.gate.awaitRecovery()
    t.equal(clock.timers, 1)
    clock.advance(30000)
    t.equal(rig.dues, 1)
    rig.gate.awaitRecovery()
    rig.gate.stop()
    clock.advance(30000)
    t.equal(rig.dues, 1)
  })

  t.test('a gate that only observes says what its breaker does, and keeps nothing back', async t => {
    const { gate } = new Rig({ breaker: { failureThreshold: 1, mode: 'observe' } })
    gate.fail(gate.take(), down)
    t.match(gate, { breaker: { state: 'open' }, isTripped: false, isShut: false })
    t.ok(gate.take())
  })
})

t.test('with a health check', async t => {
  /** A backend that is there, or not, and a gate that asks it. */
  async function createRig (t: Test): Promise<{ rig: Rig, server: net.Server, listen: () => Promise<void> }> {
    const server = net.createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const listen = async (): Promise<void> => {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    }
    server.close()
    await once(server, 'close')
    const rig = new Rig({ healthCheck: { kind: 'tcp', host: '127.0.0.1', port, intervalMs: 20, timeoutMs: 5000 } })
    t.teardown(() => {
      rig.gate.stop()
      server.close()
    })
    return { rig, server, listen }
  }

  t.test('no probe is made before a check has passed', async t => {
    const { rig, listen } = await createRig(t)
    rig.gate.fail(null, down)
    clock.advance(30000)
    t.notOk(rig.gate.reserve())
    rig.gate.awaitRecovery()
    await listen()
    const due = new Promise<void>(resolve => { rig.onDue = resolve })
    rig.gate.start()
    await due
    t.equal(rig.gate.breaker.state, 'open')
    t.ok(rig.gate.reserve())
    t.same(rig.unhealthy, [])
  })

  t.test('a check that fails while the gate is not shut is told', async t => {
    const { rig } = await createRig(t)
    rig.gate.start()
    while (rig.unhealthy.length === 0) await new Promise(resolve => setImmediate(resolve))
    t.match(rig.unhealthy[0], { reason: 'health-check', err: { code: 'ECONNREFUSED' } })
  })

  t.test('what a check said before the trip does not count', async t => {
    const { rig, listen } = await createRig(t)
    await listen()
    const due = new Promise<void>(resolve => { rig.onDue = resolve })
    rig.gate.start()
    await due
    rig.gate.stop()
    rig.gate.fail(null, down)
    clock.advance(30000)
    t.notOk(rig.gate.reserve())
  })
})
