import t from 'tap'
import type { ChildListener } from '#lib/child/child'
import type { FailureReason, SinkFailure } from '#lib/failure'
import { Supervisor, type SupervisorDeps } from '#lib/child/supervisor'
import { HandClock, settled } from '../support/hand-clock.js'
import { ScriptedChild } from '../support/lane-rig.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

class Rig {
  readonly supervisor: Supervisor
  readonly children: ScriptedChild[] = []
  readonly failures: SinkFailure[] = []
  readonly ready: Array<FailureReason | undefined> = []
  /** Whether a former child had hung, each time one was gone. */
  readonly gone: boolean[] = []

  constructor (options: Partial<SupervisorDeps> = {}) {
    this.supervisor = new Supervisor({
      sink: 'loki',
      startTimeoutMs: 10000,
      willSendConfig: false,
      clock,
      random: () => 0.5,
      createChild: (listener: ChildListener) => {
        const child = new ScriptedChild(listener, 1024)
        this.children.push(child)
        return child
      },
      ...options
    }, {
      onReady: restarted => { this.ready.push(restarted) },
      onAccepted: () => {},
      onDelivered: () => {},
      onAnswered: () => {},
      onSensed: () => {},
      onSetback: () => {},
      onRefused: () => {},
      onSettled: () => {},
      onFailure: failure => { this.failures.push(failure) },
      onEnded: () => {},
      onLateDelivery: () => {},
      onLateFault: () => {},
      onGone: hasHung => { this.gone.push(hasHung) },
      onEvent: () => {}
    })
  }

  get child (): ScriptedChild {
    return this.children.at(-1) as ScriptedChild
  }
}

t.test('a child is there once it is ready', async t => {
  const rig = new Rig()
  t.equal(rig.supervisor.ready, undefined)
  rig.supervisor.start()
  t.equal(rig.supervisor.ready, undefined)
  rig.child.ready('delivery')
  t.same(rig.supervisor.ready, { child: rig.child, kind: 'delivery' })
  t.same(rig.ready, [undefined])
})

t.test('a second start does nothing while there is a child', async t => {
  const rig = new Rig()
  rig.supervisor.start()
  rig.supervisor.start()
  rig.child.ready()
  rig.supervisor.start()
  t.equal(rig.children.length, 1)
})

t.test('a child that fails is destroyed before anybody is told', async t => {
  const rig = new Rig()
  rig.supervisor.start()
  rig.child.ready()
  rig.child.fail('network')
  t.ok(rig.child.isDestroyed)
  t.equal(rig.supervisor.ready, undefined)
  t.match(rig.failures, [{ reason: 'network' }])
})

t.test('a restart is counted, and knows why it was', async t => {
  const rig = new Rig()
  rig.supervisor.start()
  rig.child.ready()
  t.equal(rig.supervisor.restarts, 0)
  rig.child.fail('thread-exit')
  rig.supervisor.start()
  rig.child.fail('start-failed')
  rig.supervisor.start()
  rig.child.ready()
  t.equal(rig.supervisor.restarts, 2)
  t.same(rig.ready, [undefined, 'start-failed'])
})

t.test('the start has a limit', async t => {
  t.test('that ends a child that is not ready by then', async t => {
    const rig = new Rig()
    rig.supervisor.start()
    clock.advance(9999)
    t.same(rig.failures, [])
    clock.advance(1)
    t.match(rig.failures, [{ reason: 'start-timeout', err: { code: 'ERR_FANOUT_SINK_TIMEOUT' } }])
    t.ok(rig.child.isDestroyed)
  })

  t.test('that is off once it is ready', async t => {
    const rig = new Rig()
    rig.supervisor.start()
    rig.child.ready()
    clock.advance(20000)
    t.same(rig.failures, [])
  })

  t.test('that counts from when the child was given pino\'s config, if it is to get one', async t => {
    const rig = new Rig({ willSendConfig: true })
    rig.supervisor.start()
    clock.advance(50000)
    t.same(rig.failures, [])
    rig.supervisor.configure({ messageKey: 'message' })
    clock.advance(9999)
    t.same(rig.failures, [])
    clock.advance(1)
    t.match(rig.failures, [{ reason: 'start-timeout' }])
  })

  t.test('that counts at once for a child that is started again', async t => {
    const rig = new Rig({ willSendConfig: true })
    rig.supervisor.start()
    rig.supervisor.configure({})
    rig.child.fail('start-failed')
    rig.supervisor.start()
    clock.advance(10000)
    t.match(rig.failures, [{ reason: 'start-failed' }, { reason: 'start-timeout' }])
  })

  t.test('that a late config does not renew for a child that is ready', async t => {
    const rig = new Rig()
    rig.supervisor.start()
    rig.child.ready()
    rig.supervisor.configure({})
    clock.advance(20000)
    t.same(rig.failures, [])
  })

  t.test('that is off once it is stopped', async t => {
    const rig = new Rig()
    rig.supervisor.start()
    rig.supervisor.stop()
    t.ok(rig.child.isDestroyed)
    clock.advance(20000)
    t.same(rig.failures, [])
  })
})

t.test('pino\'s config is given to the child that is there, and to each that comes', async t => {
  const rig = new Rig()
  const config = { messageKey: 'message' }
  rig.supervisor.configure({ messageKey: 'first' })
  rig.supervisor.configure(config)
  rig.supervisor.start()
  t.same(rig.child.configs, [config])
  rig.child.ready()
  rig.supervisor.configure({ messageKey: 'late' })
  t.equal(rig.child.configs.length, 2)
  rig.child.fail()
  rig.supervisor.start()
  t.same(rig.child.configs, [{ messageKey: 'late' }])
})

t.test('a child that cannot be made is a failed start', async t => {
  const rig = new Rig({ createChild: () => { throw new Error('no threads left') } })
  rig.supervisor.start()
  t.match(rig.failures, [{ reason: 'start-failed', err: { code: 'ERR_FANOUT_SINK_START', cause: { message: 'no threads left' } } }])
  clock.advance(20000)
  t.equal(rig.failures.length, 1)
})

t.test('a config that is not going to come any more is not waited for', async t => {
  const rig = new Rig({ willSendConfig: true })
  rig.supervisor.start()
  rig.supervisor.configure(undefined)
  t.same(rig.child.configs, [])
  clock.advance(10000)
  t.match(rig.failures, [{ reason: 'start-timeout' }])
})

t.test('backing off', async t => {
  /** How long the next wait is. */
  function wait (supervisor: Supervisor): number {
    const since = clock.now()
    let over: number | undefined
    supervisor.backOff(() => { over = clock.now() })
    while (supervisor.isWaiting) clock.advance(1)
    return (over ?? NaN) - since
  }

  t.test('doubles from 100 ms to 5 s, and begins anew after a success', async t => {
    const { supervisor } = new Rig()
    t.same(Array.from({ length: 8 }, () => wait(supervisor)), [100, 200, 400, 800, 1600, 3200, 5000, 5000])
    supervisor.succeed()
    t.equal(wait(supervisor), 100)
  })

  t.test('is jittered by a quarter to either side', async t => {
    t.equal(wait(new Rig({ random: () => 0 }).supervisor), 75)
    t.equal(wait(new Rig({ random: () => 0.98 }).supervisor), 124)
  })

  t.test('keeps a start away until it is over', async t => {
    const rig = new Rig()
    rig.supervisor.backOff(() => rig.supervisor.start())
    t.ok(rig.supervisor.isWaiting)
    rig.supervisor.start()
    t.equal(rig.children.length, 0)
    clock.advance(100)
    t.notOk(rig.supervisor.isWaiting)
    t.equal(rig.children.length, 1)
  })

  t.test('is not begun twice', async t => {
    const { supervisor } = new Rig()
    const over: string[] = []
    supervisor.backOff(() => { over.push('first') })
    supervisor.backOff(() => { over.push('second') })
    clock.advance(1000)
    t.same(over, ['first'])
  })

  t.test('ends with the child', async t => {
    const { supervisor } = new Rig()
    supervisor.backOff(() => t.fail('it was stopped'))
    supervisor.stop()
    t.notOk(supervisor.isWaiting)
    clock.advance(1000)
  })
})

t.test('a child whose former life hangs', async t => {
  function hungRig (): { rig: Rig, former: ScriptedChild } {
    const rig = new Rig()
    rig.supervisor.start()
    rig.child.ready()
    const former = rig.child
    former.isHanging = true
    former.fail('write-timeout')
    return { rig, former }
  }

  t.test('is started as soon as that is over, if it takes less than a second', async t => {
    const { rig, former } = hungRig()
    t.ok(rig.supervisor.isHanging)
    rig.supervisor.start()
    t.equal(rig.children.length, 1)
    clock.advance(500)
    former.comeBack()
    await settled()
    t.same(rig.gone, [false])
    t.equal(rig.children.length, 2)
    t.match(rig.failures, [{ reason: 'write-timeout' }])
    t.notOk(rig.supervisor.isHanging)
  })

  t.test('fails to start after a second, and at once from then on', async t => {
    const { rig } = hungRig()
    rig.supervisor.start()
    clock.advance(1100)
    t.match(rig.failures.map(({ reason }) => reason), ['write-timeout', 'still-hung'])
    rig.supervisor.start()
    t.match(rig.failures.map(({ reason }) => reason), ['write-timeout', 'still-hung', 'still-hung'])
    t.match(rig.failures[1], { err: { code: 'ERR_FANOUT_SINK_HUNG' } })
    t.equal(rig.children.length, 1)
  })

  t.test('is started again once that has come back, and knows its own reason', async t => {
    const { rig, former } = hungRig()
    rig.supervisor.start()
    clock.advance(60000)
    former.comeBack()
    await settled()
    t.same(rig.gone, [true])
    rig.supervisor.start()
    rig.child.ready()
    t.equal(rig.children.length, 2)
    t.same(rig.ready, [undefined, 'write-timeout'])
  })

  t.test('has not hung while this thread was stopped', async t => {
    const { rig } = hungRig()
    rig.supervisor.start()
    clock.stop(60000)
    t.match(rig.failures.map(({ reason }) => reason), ['write-timeout'])
  })
})
