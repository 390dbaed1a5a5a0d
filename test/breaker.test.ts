import t from 'tap'
import { breakerDefaults, SinkCircuitBreaker, type BreakerOptions, type TransitionEvent } from '#lib/breaker'
import { serializeError } from '#lib/errors'
import type { FailureReason } from '#lib/failure'
import { breakerRig, snapshot, WALL_START } from './support/breaker-rig.js'

t.test('consecutive failures', async (t) => {
  t.test('a new breaker is closed, with nothing counted', async (t) => {
    const { breaker, events } = breakerRig()
    t.strictSame(snapshot(breaker), { state: 'closed', isOpen: false, generation: 0, consecutiveFailures: 0, retryInMs: 0, openForMs: 0, stale: 0 })
    t.equal(breaker.sinkName, 'loki')
    t.strictSame(events, [])
  })

  t.test('as many as failureThreshold open it, one fewer does not', async (t) => {
    for (const failureThreshold of [1, 2, 5, 17]) {
      const { breaker, fail } = breakerRig({ failureThreshold })
      fail(failureThreshold - 1)
      t.equal(breaker.state, 'closed')
      t.equal(breaker.consecutiveFailures, failureThreshold - 1)
      fail()
      t.equal(breaker.state, 'open')
      t.equal(breaker.isOpen, true)
      t.equal(breaker.consecutiveFailures, failureThreshold)
    }
  })

  t.test('a success in between begins the count anew', async (t) => {
    const { breaker, fail, succeed } = breakerRig({ failureThreshold: 3 })
    for (let i = 0; i < 10; i++) {
      fail(2)
      succeed()
      t.equal(breaker.consecutiveFailures, 0)
    }
    t.equal(breaker.state, 'closed')
  })

  t.test('the success of an attempt that began before the failures resets the count as well', async (t) => {
    const { breaker, acquire, fail } = breakerRig({ failureThreshold: 3 })
    const early = acquire()
    fail(2)
    early.success()
    fail(2)
    t.equal(breaker.state, 'closed')
  })

  t.test('an ignored attempt neither counts nor resets the count', async (t) => {
    const { breaker, acquire, fail } = breakerRig({ failureThreshold: 3 })
    fail(2)
    acquire().ignore()
    t.equal(breaker.consecutiveFailures, 2)
    t.equal(breaker.state, 'closed')
    fail()
    t.equal(breaker.state, 'open')
  })

  t.test('a closed breaker permits any number of attempts at once', async (t) => {
    const { breaker, acquire } = breakerRig()
    const permits = Array.from({ length: 1000 }, acquire)
    for (const permit of permits) permit.success()
    t.equal(breaker.state, 'closed')
    t.equal(breaker.stale, 0)
  })

  t.test('a permit is settled by its first settling only', async (t) => {
    const { breaker, acquire } = breakerRig({ failureThreshold: 3 })
    const permit = acquire()
    permit.failure()
    permit.failure()
    permit.failure()
    permit.success()
    permit.ignore()
    t.equal(breaker.consecutiveFailures, 1)
    t.equal(breaker.state, 'closed')
    t.equal(breaker.stale, 0)
  })
})

t.test('generations', async (t) => {
  t.test('every transition begins a new one, and a permit bears the one it belongs to', async (t) => {
    const { breaker, acquire, trip, probe } = breakerRig()
    t.equal(acquire().generation, 0)
    trip()
    t.equal(breaker.generation, 1)
    const permit = probe()
    t.equal(permit.generation, 2)
    permit.success()
    t.equal(breaker.generation, 3)
    t.equal(acquire().generation, 3)
  })

  const outcomes = ['success', 'failure', 'ignore'] as const
  for (const outcome of outcomes) {
    t.test(`a permit of an earlier generation changes nothing but stale, whatever the state: ${outcome}`, async (t) => {
      const { breaker, acquire, trip, probe, events } = breakerRig({ failureThreshold: 2, successThreshold: 2, halfOpenMaxCalls: 2 })
      const late = Array.from({ length: 3 }, acquire)
      const settleOne = (): void => {
        const before = { ...snapshot(breaker), told: events.length }
        late.pop()?.[outcome]()
        t.strictSame({ ...snapshot(breaker), told: events.length }, { ...before, stale: before.stale + 1 })
      }
      trip()
      settleOne()
      const first = probe()
      settleOne()
      const second = acquire()
      t.equal(breaker.tryAcquire(), null, 'a stale permit gives no probe back')
      first.success()
      second.success()
      t.equal(breaker.state, 'closed')
      settleOne()
      t.equal(breaker.stale, 3)
    })
  }

  t.test('settling a stale permit twice counts it once', async (t) => {
    const { breaker, acquire, trip } = breakerRig()
    const permit = acquire()
    trip()
    permit.success()
    permit.failure()
    t.equal(breaker.stale, 1)
  })

  t.test('the probes that were in flight beside the one that failed are stale', async (t) => {
    const { breaker, acquire, trip, probe } = breakerRig({ halfOpenMaxCalls: 3, backoffMultiplier: 2, recoveryTimeoutMs: 100 })
    trip()
    const probes = [probe(), acquire(), acquire()]
    for (const permit of probes) permit.failure()
    t.equal(breaker.state, 'open')
    t.equal(breaker.stale, 2)
    t.equal(breaker.retryInMs, 200, 'the wait has grown once')
  })

  t.test('a success of the last closed time cannot close a half-open breaker', async (t) => {
    const { breaker, acquire, trip, probe } = breakerRig()
    const late = acquire()
    trip()
    probe()
    late.success()
    t.equal(breaker.state, 'half-open')
  })

  t.test('a failure of the last closed time cannot count against a breaker that has closed since', async (t) => {
    const { breaker, acquire, trip, probe } = breakerRig({ failureThreshold: 2 })
    const late = [acquire(), acquire()]
    trip()
    probe().success()
    for (const permit of late) permit.failure()
    t.equal(breaker.state, 'closed')
    t.equal(breaker.consecutiveFailures, 0)
  })
})

t.test('recovery', async (t) => {
  t.test('an open breaker refuses until its recovery timeout is over, and is due exactly then', async (t) => {
    const { breaker, trip, advance } = breakerRig({ recoveryTimeoutMs: 30000 })
    trip()
    t.equal(breaker.tryAcquire(), null)
    advance(29999)
    t.equal(breaker.retryInMs, 1)
    t.equal(breaker.tryAcquire(), null)
    t.equal(breaker.state, 'open')
    advance(1)
    t.equal(breaker.retryInMs, 0)
    t.not(breaker.tryAcquire(), null)
    t.equal(breaker.state, 'half-open')
  })

  t.test('reading changes nothing: a breaker that is due reads open until an attempt is made', async (t) => {
    const { breaker, trip, advance, events } = breakerRig({ recoveryTimeoutMs: 100 })
    trip()
    advance(100)
    t.same(snapshot(breaker), snapshot(breaker))
    t.equal(breaker.state, 'open')
    t.equal(breaker.isOpen, true)
    t.equal(events.length, 1)
  })

  t.test('a fraction of a millisecond before it is due counts as one, so that a timer never comes early', async (t) => {
    const { breaker, trip, advance } = breakerRig({ recoveryTimeoutMs: 100 })
    trip()
    advance(99.3)
    t.equal(breaker.retryInMs, 1)
    t.equal(breaker.tryAcquire(), null)
    advance(0.7)
    t.equal(breaker.retryInMs, 0)
    t.not(breaker.tryAcquire(), null)
  })

  t.test('nothing that happens while it is open extends the wait', async (t) => {
    const { breaker, acquire, trip, advance } = breakerRig({ recoveryTimeoutMs: 100 })
    const late = acquire()
    trip()
    advance(60)
    late.failure()
    breaker.recordFailure()
    breaker.tryAcquire()
    breaker.forceOpen()
    t.equal(breaker.retryInMs, 40)
    advance(40)
    t.not(breaker.tryAcquire(), null)
  })

  t.test('openForMs runs on until it is closed, over failed probes too', async (t) => {
    const { breaker, trip, probe, advance } = breakerRig({ recoveryTimeoutMs: 100 })
    t.equal(breaker.openForMs, 0)
    trip()
    advance(40)
    t.equal(breaker.openForMs, 40)
    const failing = probe()
    advance(7)
    t.equal(breaker.openForMs, 107)
    failing.failure()
    advance(3)
    t.equal(breaker.openForMs, 110)
    probe().success()
    advance(1000)
    t.equal(breaker.openForMs, 0)
  })

  t.test('tryProbeEarly does not wait for the recovery timeout', async (t) => {
    const { breaker, trip, story } = breakerRig()
    trip()
    t.equal(breaker.tryAcquire(), null)
    const permit = breaker.tryProbeEarly()
    t.equal(breaker.state, 'half-open')
    t.equal(breaker.tryProbeEarly(), null, 'in half-open it is tryAcquire')
    permit?.success()
    t.equal(breaker.state, 'closed')
    t.strictSame(story(), ['closed>open write-error', 'open>half-open recovery-due', 'half-open>closed probe-succeeded'])
    t.not(breaker.tryProbeEarly(), null, 'in closed it is tryAcquire')
    t.equal(breaker.state, 'closed')
  })
})

t.test('half-open', async (t) => {
  const caps = [
    { halfOpenMaxCalls: 1, successThreshold: undefined, atOnce: 1 },
    { halfOpenMaxCalls: 3, successThreshold: undefined, atOnce: 3 },
    { halfOpenMaxCalls: 3, successThreshold: 1, atOnce: 1 },
    { halfOpenMaxCalls: 3, successThreshold: 2, atOnce: 2 },
    { halfOpenMaxCalls: 1, successThreshold: 3, atOnce: 1 },
    { halfOpenMaxCalls: 2, successThreshold: 5, atOnce: 2 }
  ]
  for (const { halfOpenMaxCalls, successThreshold, atOnce } of caps) {
    t.test(`halfOpenMaxCalls ${halfOpenMaxCalls}, successThreshold ${successThreshold ?? 'by default'}: ${atOnce} at once, closed by as many successes as needed`, async (t) => {
      const { breaker, acquire, trip, probe } = breakerRig({ halfOpenMaxCalls, ...(successThreshold === undefined ? {} : { successThreshold }) })
      const needed = successThreshold ?? halfOpenMaxCalls
      t.equal(breaker.settings.successThreshold, needed)
      trip()
      const inFlight = [probe()]
      while (inFlight.length < atOnce) inFlight.push(acquire())
      t.equal(breaker.tryAcquire(), null)
      for (let successes = 1; successes <= needed; successes++) {
        t.equal(breaker.state, 'half-open')
        inFlight.shift()?.success()
        if (successes + inFlight.length < needed) inFlight.push(acquire())
        else if (successes < needed) t.equal(breaker.tryAcquire(), null, 'no probe beyond those that are needed')
      }
      t.equal(breaker.state, 'closed')
      t.equal(breaker.stale, 0)
    })
  }

  t.test('one failed probe opens it again, whatever succeeded before', async (t) => {
    const { breaker, acquire, trip, probe } = breakerRig({ successThreshold: 3 })
    trip()
    probe().success()
    acquire().success()
    acquire().failure()
    t.equal(breaker.state, 'open')
    t.equal(breaker.consecutiveFailures, 1, 'the successes had reset the count')
    t.equal(breaker.retryInMs, 30000)
  })

  t.test('the successes of an earlier half-open time are forgotten', async (t) => {
    const { breaker, acquire, trip, probe } = breakerRig({ successThreshold: 2 })
    trip()
    probe().success()
    acquire().failure()
    probe().success()
    t.equal(breaker.state, 'half-open')
    acquire().success()
    t.equal(breaker.state, 'closed')
  })

  t.test('an ignored probe gives its place back, and counts for nothing', async (t) => {
    const { breaker, acquire, trip, probe } = breakerRig()
    trip()
    probe().ignore()
    for (let i = 0; i < 10; i++) acquire().ignore()
    const last = acquire()
    t.equal(breaker.tryAcquire(), null)
    t.equal(breaker.state, 'half-open')
    last.success()
    t.equal(breaker.state, 'closed')
  })

  t.test('a probe that is settled twice gives one place back', async (t) => {
    const { breaker, acquire, trip, probe } = breakerRig({ halfOpenMaxCalls: 2 })
    trip()
    const twice = probe()
    acquire()
    twice.ignore()
    twice.ignore()
    acquire()
    t.equal(breaker.tryAcquire(), null)
  })

  t.test('after it has closed, the full count of failures is needed again', async (t) => {
    const { breaker, trip, probe, fail } = breakerRig({ failureThreshold: 3 })
    trip()
    probe().success()
    t.equal(breaker.consecutiveFailures, 0)
    fail(2)
    t.equal(breaker.state, 'closed')
    fail()
    t.equal(breaker.state, 'open')
  })
})

t.test('backoff and jitter', async (t) => {
  t.test('each failed probe multiplies the wait, up to maxRecoveryTimeoutMs; a close resets it', async (t) => {
    const { breaker, trip, probe } = breakerRig({ recoveryTimeoutMs: 100, backoffMultiplier: 3, maxRecoveryTimeoutMs: 1000 })
    trip()
    const waits = [breaker.retryInMs]
    for (let i = 0; i < 4; i++) {
      probe().failure()
      waits.push(breaker.retryInMs)
    }
    t.strictSame(waits, [100, 300, 900, 1000, 1000])
    probe().success()
    trip()
    t.equal(breaker.retryInMs, 100)
  })

  t.test('a wait is whole milliseconds, without the rounding adding up', async (t) => {
    const { breaker, trip, probe } = breakerRig({ recoveryTimeoutMs: 3, backoffMultiplier: 1.1 })
    trip()
    const waits = [breaker.retryInMs]
    for (let i = 0; i < 3; i++) {
      probe().failure()
      waits.push(breaker.retryInMs)
    }
    t.strictSame(waits, [3, 3, 4, 4])
  })

  t.test('maxRecoveryTimeoutMs does not shorten a longer recoveryTimeoutMs', async (t) => {
    const { breaker, trip, probe } = breakerRig({ recoveryTimeoutMs: 600000, backoffMultiplier: 2 })
    trip()
    t.equal(breaker.retryInMs, 600000)
    probe().failure()
    t.equal(breaker.retryInMs, 600000)
  })

  t.test('jitter only adds, to the wait as it is and not to the next', async (t) => {
    const shares = [0, 0.5, 0.999]
    const { breaker, trip, probe, events } = breakerRig({ recoveryTimeoutMs: 1000, backoffMultiplier: 2, jitter: 0.5 }, { random: () => shares.shift() ?? 0 })
    trip()
    t.equal(breaker.retryInMs, 1000)
    probe().failure()
    t.equal(breaker.retryInMs, 2500)
    probe().failure()
    t.equal(breaker.retryInMs, 5998)
    t.strictSame(events.filter(({ to }) => to === 'open').map(({ retryInMs }) => retryInMs), [1000, 2500, 5998])
  })

  t.test('a wait never gets longer than a timer can be', async (t) => {
    const longest = 2 ** 31 - 1
    const { breaker, trip, probe } = breakerRig(
      { recoveryTimeoutMs: longest, maxRecoveryTimeoutMs: longest, backoffMultiplier: 10, jitter: 1 }, { random: () => 0.9 })
    trip()
    t.equal(breaker.retryInMs, longest)
    probe().failure()
    t.equal(breaker.retryInMs, longest)
  })

  t.test('a probe taken early does not shorten the next wait', async (t) => {
    const { breaker, trip } = breakerRig({ recoveryTimeoutMs: 100, backoffMultiplier: 2 })
    trip()
    breaker.tryProbeEarly()?.failure()
    t.equal(breaker.retryInMs, 200)
  })
})

t.test('events', async (t) => {
  t.test('there is one for each transition, complete, and none else', async (t) => {
    const { acquire, fail, trip, probe, advance, events } = breakerRig({ failureThreshold: 2, recoveryTimeoutMs: 100, backoffMultiplier: 2 })
    fail()
    advance(5)
    trip()
    const failing = probe()
    advance(7)
    failing.failure(Object.assign(new Error('no'), { statusCode: 503, stack: 'stack' }))
    advance(50)
    probe().success()
    acquire().success()
    const at = (ms: number) => WALL_START + ms
    t.match(events[0]?.err, { type: 'Error', message: 'refused', stack: /^Error: refused\n/ })
    t.strictSame(events.map(({ err, ...event }, index) => index === 0 || err === undefined ? event : { ...event, err }), [
      { sink: 'loki', from: 'closed', to: 'open', reason: 'write-error', generation: 1, consecutiveFailures: 2, openForMs: 0, retryInMs: 100, time: at(5) },
      { sink: 'loki', from: 'open', to: 'half-open', reason: 'recovery-due', generation: 2, consecutiveFailures: 2, openForMs: 100, retryInMs: 0, time: at(105) },
      {
        sink: 'loki',
        from: 'half-open',
        to: 'open',
        reason: 'http-503',
        generation: 3,
        consecutiveFailures: 3,
        openForMs: 107,
        retryInMs: 200,
        time: at(112),
        err: { type: 'Error', message: 'no', stack: 'stack', statusCode: 503 }
      },
      { sink: 'loki', from: 'open', to: 'half-open', reason: 'recovery-due', generation: 4, consecutiveFailures: 3, openForMs: 307, retryInMs: 0, time: at(312) },
      { sink: 'loki', from: 'half-open', to: 'closed', reason: 'probe-succeeded', generation: 5, consecutiveFailures: 0, openForMs: 307, retryInMs: 0, time: at(312) }
    ])
  })

  t.test('the times in it are whole milliseconds', async (t) => {
    const { trip, advance, acquire, events } = breakerRig({ recoveryTimeoutMs: 10 })
    trip()
    advance(10.4)
    acquire()
    t.equal(events[1]?.openForMs, 10)
  })

  t.test('err is there only where the failure told of one', async (t) => {
    const { breaker, acquire, events, probe } = breakerRig({ failureThreshold: 1 })
    acquire().failure()
    probe().failure(null)
    breaker.forceClose()
    t.equal(Object.hasOwn(events[0] ?? {}, 'err'), false)
    t.strictSame(events[2]?.err, { type: 'object', message: 'null' })
    t.strictSame(events.filter((event) => 'err' in event).length, 1)
  })

  const reasons: Array<[string, unknown, FailureReason | undefined, FailureReason]> = [
    ['an error that tells nothing', new Error('x'), undefined, 'write-error'],
    ['no error', undefined, undefined, 'write-error'],
    ['an HTTP status', { message: 'x', statusCode: 429 }, undefined, 'http-429'],
    ['a system code', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), undefined, 'network'],
    ['a serialized system error', serializeError(Object.assign(new Error('x'), { code: 'ECONNRESET' })), undefined, 'network'],
    ['a reason of its own', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'write-timeout', 'write-timeout'],
    ['a reason without an error', undefined, 'out-of-memory', 'out-of-memory']
  ]
  for (const [what, err, given, reason] of reasons) {
    t.test(`the reason of a failure with ${what} is ${reason}, from closed and from half-open`, async (t) => {
      const { acquire, probe, events } = breakerRig({ failureThreshold: 1 })
      acquire().failure(err, given)
      probe().failure(err, given)
      t.strictSame(events.map((event) => event.reason), [reason, 'recovery-due', reason])
    })
  }

  t.test('an error that was serialized before keeps what it was', async (t) => {
    class CollectorError extends Error {}
    const err = serializeError(Object.assign(new CollectorError('gone', { cause: new TypeError('why') }), { code: 'E_GONE' }))
    const { acquire, events } = breakerRig({ failureThreshold: 1 })
    acquire().failure(structuredClone(err))
    t.equal(err.type, 'CollectorError')
    t.strictSame(events[0]?.err, err)
  })

  t.test('credentials in an error do not get into it', async (t) => {
    const { acquire, events } = breakerRig({ failureThreshold: 1 })
    acquire().failure(new Error('cannot reach https://user:secret@loki:3100/push'))
    t.equal(events[0]?.err?.message, 'cannot reach https://loki:3100/push')
    t.notMatch(JSON.stringify(events), /secret/)
  })

  t.test('the state is set before it is told', async (t) => {
    const seen: unknown[] = []
    const { breaker, trip, probe } = breakerRig({}, {
      onTransition: ({ to, generation }) => { seen.push([breaker.state === to, breaker.generation === generation]) }
    })
    trip()
    probe().success()
    t.strictSame(seen, [[true, true], [true, true], [true, true]])
  })

  t.test('order holds when a listener brings about the next transition', async (t) => {
    const told: string[] = []
    const { breaker, trip } = breakerRig({}, {
      onTransition: ({ from, to, generation }) => {
        told.push(`begin ${generation}`)
        if (generation === 1) {
          breaker.reset()
          breaker.forceOpen()
        }
        told.push(`end ${generation}: ${from}>${to}`)
      }
    })
    trip()
    t.equal(breaker.state, 'open')
    t.strictSame(told, ['begin 1', 'end 1: closed>open', 'begin 2', 'end 2: open>closed', 'begin 3', 'end 3: closed>open'])
  })

  t.test('a listener cannot take the probe from the attempt that made the breaker half-open', async (t) => {
    let taken: unknown = 'not asked'
    const { breaker, trip, advance } = breakerRig({}, {
      onTransition: ({ to }) => { if (to === 'half-open') taken = breaker.tryAcquire() }
    })
    trip()
    advance(30000)
    t.not(breaker.tryAcquire(), null)
    t.equal(taken, null)
  })

  t.test('a listener that throws disturbs neither the attempt nor the events that follow', async (t) => {
    const told: TransitionEvent[] = []
    const { breaker, trip, probe } = breakerRig({}, {
      onTransition: (event) => {
        told.push(event)
        throw new Error('listener')
      }
    })
    trip()
    probe().success()
    t.equal(breaker.state, 'closed')
    t.strictSame(told.map(({ to }) => to), ['open', 'half-open', 'closed'])
  })

  t.test('a breaker without a listener works as well', async (t) => {
    const breaker = new SinkCircuitBreaker('loki', { failureThreshold: 1 })
    breaker.tryAcquire()?.failure()
    t.equal(breaker.state, 'open')
  })
})

t.test('forcing', async (t) => {
  t.test('forceOpen opens it from closed, and it recovers as always', async (t) => {
    const { breaker, probe, story, events } = breakerRig({ recoveryTimeoutMs: 100, backoffMultiplier: 2 })
    breaker.forceOpen()
    t.equal(breaker.tryAcquire(), null)
    t.equal(breaker.retryInMs, 100)
    probe().success()
    t.strictSame(story(), ['closed>open forced', 'open>half-open recovery-due', 'half-open>closed probe-succeeded'])
    t.equal(events[0]?.consecutiveFailures, 0)
  })

  t.test('forceOpen from half-open is no failed probe: the wait is the same again', async (t) => {
    const { breaker, trip, probe, acquire } = breakerRig({ recoveryTimeoutMs: 100, backoffMultiplier: 2, halfOpenMaxCalls: 2 })
    trip()
    probe().failure()
    t.equal(breaker.retryInMs, 200)
    probe()
    const late = acquire()
    breaker.forceOpen()
    t.equal(breaker.retryInMs, 200)
    late.success()
    t.equal(breaker.state, 'open')
    probe().failure()
    t.equal(breaker.retryInMs, 400)
  })

  t.test('forceClose closes it from open and from half-open, and forgets the failures', async (t) => {
    const { breaker, trip, probe, fail, story } = breakerRig({ failureThreshold: 2, recoveryTimeoutMs: 100, backoffMultiplier: 2 })
    trip()
    breaker.forceClose()
    t.equal(breaker.consecutiveFailures, 0)
    fail()
    t.equal(breaker.state, 'closed')
    trip()
    probe().failure()
    probe()
    breaker.forceClose()
    t.equal(breaker.state, 'closed')
    trip()
    t.equal(breaker.retryInMs, 100, 'the backoff is reset')
    t.strictSame(story().filter((line) => line.endsWith('forced')), ['open>closed forced', 'half-open>closed forced'])
  })

  t.test('forcing what is so already does nothing', async (t) => {
    const { breaker, fail, trip, events } = breakerRig()
    fail(2)
    breaker.forceClose()
    t.equal(breaker.consecutiveFailures, 2)
    t.equal(events.length, 0)
    trip()
    breaker.forceOpen()
    t.equal(events.length, 1)
    t.equal(breaker.generation, 1)
  })

  t.test('reset closes it and forgets the failures, from every state', async (t) => {
    const { breaker, fail, trip, probe, story } = breakerRig({ failureThreshold: 3 })
    fail(2)
    breaker.reset()
    t.equal(breaker.consecutiveFailures, 0)
    t.strictSame(story(), [], 'it was closed: no transition')
    fail(2)
    t.equal(breaker.state, 'closed')
    trip()
    breaker.reset()
    t.equal(breaker.state, 'closed')
    trip()
    probe()
    breaker.reset()
    t.equal(breaker.state, 'closed')
    t.equal(breaker.consecutiveFailures, 0)
    t.strictSame(story().filter((line) => line.endsWith('reset')), ['open>closed reset', 'half-open>closed reset'])
  })

  t.test('reset keeps generation and stale going, so that late results stay late', async (t) => {
    const { breaker, acquire, trip } = breakerRig()
    const late = acquire()
    trip()
    breaker.reset()
    late.failure()
    t.equal(breaker.generation, 2)
    t.equal(breaker.stale, 1)
    t.equal(breaker.consecutiveFailures, 0)
  })
})

t.test('the classic shape', async (t) => {
  t.test('shouldAllow and the records go through a whole outage', async (t) => {
    const { breaker, advance, story } = breakerRig({ failureThreshold: 2 })
    const attempt = (works: boolean): boolean => {
      if (!breaker.shouldAllow()) return false
      if (works) breaker.recordSuccess()
      else breaker.recordFailure(Object.assign(new Error('x'), { code: 'EPIPE' }))
      return true
    }
    t.strictSame([attempt(true), attempt(false), attempt(true), attempt(false), attempt(false)], [true, true, true, true, true])
    t.equal(attempt(true), false)
    advance(30000)
    t.equal(attempt(false), true)
    t.equal(attempt(true), false)
    advance(30000)
    t.equal(attempt(true), true)
    t.strictSame(story(), [
      'closed>open network', 'open>half-open recovery-due', 'half-open>open network', 'open>half-open recovery-due', 'half-open>closed probe-succeeded'
    ])
    t.equal(breaker.stale, 0)
  })

  t.test('a record takes the reason that it is given', async (t) => {
    const { breaker, events } = breakerRig({ failureThreshold: 1 })
    breaker.recordFailure(new Error('x'), 'thread-exit')
    t.equal(events[0]?.reason, 'thread-exit')
  })

  t.test('in half-open it is bound by the same cap', async (t) => {
    const { breaker, trip, advance } = breakerRig({ halfOpenMaxCalls: 2, successThreshold: 3 })
    trip()
    advance(30000)
    t.strictSame([breaker.shouldAllow(), breaker.shouldAllow(), breaker.shouldAllow()], [true, true, false])
    breaker.recordSuccess()
    t.strictSame([breaker.shouldAllow(), breaker.shouldAllow()], [true, false])
    breaker.recordSuccess()
    t.equal(breaker.state, 'half-open')
    breaker.recordSuccess()
    t.equal(breaker.state, 'closed')
  })

  t.test('a record without a permit counts as an attempt of the current generation', async (t) => {
    const { breaker, trip, advance, acquire } = breakerRig({ failureThreshold: 2, successThreshold: 2 })
    breaker.recordFailure()
    t.equal(breaker.consecutiveFailures, 1)
    breaker.recordSuccess()
    t.equal(breaker.consecutiveFailures, 0)
    trip()
    breaker.recordFailure()
    t.equal(breaker.consecutiveFailures, 3)
    breaker.recordSuccess()
    t.equal(breaker.consecutiveFailures, 0)
    t.equal(breaker.state, 'open')
    advance(30000)
    acquire()
    breaker.recordSuccess()
    breaker.recordSuccess()
    t.equal(breaker.state, 'closed')
    t.equal(breaker.stale, 0)
  })

  t.test('a record of a permit that a transition has made void only adds to stale', async (t) => {
    const { breaker, events } = breakerRig({ failureThreshold: 1 })
    breaker.shouldAllow()
    breaker.shouldAllow()
    breaker.recordFailure()
    t.equal(breaker.state, 'open')
    const before = snapshot(breaker)
    breaker.recordFailure()
    t.strictSame(snapshot(breaker), { ...before, stale: 1 })
    t.equal(events.length, 1)
    breaker.recordFailure()
    t.strictSame(snapshot(breaker), { ...before, stale: 1, consecutiveFailures: 2 }, 'the next record has no permit')
  })

  t.test('a record without a permit gives no place of half-open back', async (t) => {
    const { breaker, trip, probe, acquire } = breakerRig({ halfOpenMaxCalls: 2, successThreshold: 10 })
    trip()
    probe()
    t.equal(breaker.shouldAllow(), true)
    breaker.recordSuccess()
    breaker.recordSuccess()
    acquire()
    t.equal(breaker.tryAcquire(), null)
  })

  t.test('a record that never came does not swallow that of a later probe', async (t) => {
    const { breaker, trip, advance } = breakerRig()
    for (let i = 0; i < 100; i++) breaker.shouldAllow()
    trip()
    advance(30000)
    t.equal(breaker.shouldAllow(), true)
    breaker.recordSuccess()
    t.equal(breaker.state, 'closed')
    t.equal(breaker.stale, 0)
  })

  t.test('a permit that a listener makes void while it is given is void for its record too', async (t) => {
    const { breaker, trip, advance } = breakerRig({}, {
      onTransition: ({ to }) => { if (to === 'half-open') breaker.forceOpen() }
    })
    trip()
    advance(30000)
    t.equal(breaker.shouldAllow(), true)
    breaker.recordSuccess()
    t.equal(breaker.state, 'open')
    t.equal(breaker.stale, 1)
  })
})

t.test('turned off', async (t) => {
  t.test('it permits everything and never changes its state', async (t) => {
    const { breaker, fail, succeed, acquire, advance, events } = breakerRig({ enabled: false, failureThreshold: 2 })
    fail(10)
    t.equal(breaker.consecutiveFailures, 10)
    succeed()
    t.equal(breaker.consecutiveFailures, 0)
    acquire().ignore()
    breaker.forceOpen()
    breaker.recordFailure()
    advance(1000000)
    t.equal(breaker.shouldAllow(), true)
    t.not(breaker.tryProbeEarly(), null)
    breaker.forceClose()
    breaker.reset()
    t.strictSame(snapshot(breaker), { state: 'closed', isOpen: false, generation: 0, consecutiveFailures: 0, retryInMs: 0, openForMs: 0, stale: 0 })
    t.strictSame(events, [])
  })
})

t.test('observing', async (t) => {
  t.test('no attempt is refused, and the transitions are those of an enforcing breaker', async (t) => {
    const { breaker, acquire, trip, probe, advance, story } = breakerRig({ mode: 'observe' })
    trip()
    t.equal(breaker.state, 'open')
    advance(10)
    acquire()
    t.equal(breaker.state, 'open')
    probe()
    acquire()
    t.equal(breaker.state, 'half-open')
    t.equal(breaker.shouldAllow(), true)
    t.strictSame(story(), ['closed>open write-error', 'open>half-open recovery-due'])
  })

  t.test('the outcome of an attempt that would have been refused changes nothing', async (t) => {
    const { breaker, trip, acquire, probe, events } = breakerRig({ mode: 'observe', successThreshold: 2 })
    trip()
    const whileOpen = acquire()
    const settled = probe()
    const beyondTheCap = [acquire(), acquire(), acquire()]
    const before = snapshot(breaker)
    t.equal(beyondTheCap[0]?.generation, breaker.generation)
    whileOpen.success()
    beyondTheCap[0]?.success()
    beyondTheCap[1]?.failure()
    beyondTheCap[2]?.ignore()
    t.strictSame(snapshot(breaker), before)
    t.equal(events.length, 2)
    settled.success()
    acquire().success()
    t.equal(breaker.state, 'closed')
  })

  t.test('a record after shouldAllow settles what would have been refused, and changes nothing', async (t) => {
    const { breaker, trip } = breakerRig({ mode: 'observe' })
    trip()
    const before = snapshot(breaker)
    t.equal(breaker.shouldAllow(), true)
    breaker.recordSuccess()
    t.strictSame(snapshot(breaker), before)
    breaker.recordSuccess()
    t.equal(breaker.consecutiveFailures, 0, 'the next record has no permit')
  })
})

t.test('options', async (t) => {
  t.test('the defaults are those of the documentation', async (t) => {
    const documented = {
      enabled: true,
      failureThreshold: 5,
      recoveryTimeoutMs: 30000,
      halfOpenMaxCalls: 1,
      successThreshold: 1,
      backoffMultiplier: 1,
      maxRecoveryTimeoutMs: 300000,
      jitter: 0,
      settleMs: 6000,
      mode: 'enforce',
      slowRate: 0.5,
      windowMs: 10000,
      minimumAttempts: 10
    }
    t.strictSame({ ...breakerDefaults }, documented)
    t.strictSame({ ...new SinkCircuitBreaker('loki').settings }, documented)
  })

  t.test('the settings are complete and frozen, and do not follow the object given', async (t) => {
    const options = { failureThreshold: 2, settleMs: 0 }
    const { settings } = new SinkCircuitBreaker('loki', options)
    options.failureThreshold = 9
    t.strictSame({ ...settings }, { ...breakerDefaults, failureThreshold: 2, settleMs: 0 })
    t.ok(Object.isFrozen(settings))
    t.ok(Object.isFrozen(breakerDefaults))
  })

  t.test('an option that is undefined has its default', async (t) => {
    const options = { halfOpenMaxCalls: 3, successThreshold: undefined, mode: undefined } as unknown as BreakerOptions
    const { settings } = new SinkCircuitBreaker('loki', options)
    t.strictSame({ ...settings }, { ...breakerDefaults, halfOpenMaxCalls: 3, successThreshold: 3 })
  })

  t.test('the bounds themselves are accepted', async (t) => {
    const bounds: BreakerOptions[] = [
      { failureThreshold: 1, recoveryTimeoutMs: 1, halfOpenMaxCalls: 1, successThreshold: 1, backoffMultiplier: 1, maxRecoveryTimeoutMs: 1, jitter: 0, settleMs: 0 },
      { recoveryTimeoutMs: 2147483647, maxRecoveryTimeoutMs: 2147483647, settleMs: 2147483647, jitter: 1, successThreshold: 1000, backoffMultiplier: 1.01 },
      { failureRate: 1, slowMs: 1, slowRate: 1, windowMs: 1, minimumAttempts: 1 },
      { failureRate: Number.MIN_VALUE, slowMs: 2147483647, slowRate: Number.MIN_VALUE, windowMs: 2147483647, minimumAttempts: 1000 }
    ]
    for (const options of bounds) t.doesNotThrow(() => new SinkCircuitBreaker('loki', options))
  })

  const known = 'enabled, failureThreshold, recoveryTimeoutMs, halfOpenMaxCalls, successThreshold, backoffMultiplier, maxRecoveryTimeoutMs, jitter, settleMs, mode, failureRate, slowMs, slowRate, windowMs, minimumAttempts'
  const wrong: Array<[unknown, string]> = [
    [{ enabled: 'yes' }, 'breaker.enabled: expected a boolean, got "yes"'],
    [{ enabled: null }, 'breaker.enabled: expected a boolean, got null'],
    [{ failureThreshold: 0 }, 'breaker.failureThreshold: expected an integer >= 1, got 0'],
    [{ failureThreshold: -3 }, 'breaker.failureThreshold: expected an integer >= 1, got -3'],
    [{ failureThreshold: 2.5 }, 'breaker.failureThreshold: expected an integer >= 1, got 2.5'],
    [{ failureThreshold: NaN }, 'breaker.failureThreshold: expected an integer >= 1, got NaN'],
    [{ failureThreshold: Infinity }, 'breaker.failureThreshold: expected an integer >= 1, got Infinity'],
    [{ failureThreshold: '5' }, 'breaker.failureThreshold: expected an integer >= 1, got "5"'],
    [{ failureThreshold: 5n }, 'breaker.failureThreshold: expected an integer >= 1, got 5'],
    [{ failureThreshold: [5] }, 'breaker.failureThreshold: expected an integer >= 1, got an array'],
    [{ failureThreshold: {} }, 'breaker.failureThreshold: expected an integer >= 1, got an object'],
    [{ recoveryTimeoutMs: 0 }, 'breaker.recoveryTimeoutMs: expected an integer from 1 to 2147483647, got 0'],
    [{ recoveryTimeoutMs: 0.5 }, 'breaker.recoveryTimeoutMs: expected an integer from 1 to 2147483647, got 0.5'],
    [{ recoveryTimeoutMs: NaN }, 'breaker.recoveryTimeoutMs: expected an integer from 1 to 2147483647, got NaN'],
    [{ recoveryTimeoutMs: 2147483648 }, 'breaker.recoveryTimeoutMs: expected an integer from 1 to 2147483647, got 2147483648'],
    [{ recoveryTimeoutMs: '30s' }, 'breaker.recoveryTimeoutMs: expected an integer from 1 to 2147483647, got "30s"'],
    [{ halfOpenMaxCalls: 0 }, 'breaker.halfOpenMaxCalls: expected an integer >= 1, got 0'],
    [{ halfOpenMaxCalls: 1.5 }, 'breaker.halfOpenMaxCalls: expected an integer >= 1, got 1.5'],
    [{ successThreshold: 0 }, 'breaker.successThreshold: expected an integer >= 1, got 0'],
    [{ successThreshold: true }, 'breaker.successThreshold: expected an integer >= 1, got true'],
    [{ backoffMultiplier: 0.99 }, 'breaker.backoffMultiplier: expected a number >= 1, got 0.99'],
    [{ backoffMultiplier: NaN }, 'breaker.backoffMultiplier: expected a number >= 1, got NaN'],
    [{ backoffMultiplier: Infinity }, 'breaker.backoffMultiplier: expected a number >= 1, got Infinity'],
    [{ backoffMultiplier: '2' }, 'breaker.backoffMultiplier: expected a number >= 1, got "2"'],
    [{ maxRecoveryTimeoutMs: 0 }, 'breaker.maxRecoveryTimeoutMs: expected an integer from 1 to 2147483647, got 0'],
    [{ maxRecoveryTimeoutMs: Infinity }, 'breaker.maxRecoveryTimeoutMs: expected an integer from 1 to 2147483647, got Infinity'],
    [{ jitter: -0.1 }, 'breaker.jitter: expected a number from 0 to 1, got -0.1'],
    [{ jitter: 1.1 }, 'breaker.jitter: expected a number from 0 to 1, got 1.1'],
    [{ jitter: NaN }, 'breaker.jitter: expected a number from 0 to 1, got NaN'],
    [{ jitter: '0' }, 'breaker.jitter: expected a number from 0 to 1, got "0"'],
    [{ settleMs: -1 }, 'breaker.settleMs: expected an integer from 0 to 2147483647, got -1'],
    [{ settleMs: 0.1 }, 'breaker.settleMs: expected an integer from 0 to 2147483647, got 0.1'],
    [{ mode: 'watch' }, 'breaker.mode: expected \'enforce\' or \'observe\', got "watch"'],
    [{ failureRate: 0 }, 'breaker.failureRate: expected a number > 0 and <= 1, got 0'],
    [{ failureRate: 50 }, 'breaker.failureRate: expected a number > 0 and <= 1, got 50'],
    [{ failureRate: NaN }, 'breaker.failureRate: expected a number > 0 and <= 1, got NaN'],
    [{ failureRate: '0.5' }, 'breaker.failureRate: expected a number > 0 and <= 1, got "0.5"'],
    [{ slowMs: 0 }, 'breaker.slowMs: expected an integer from 1 to 2147483647, got 0'],
    [{ slowRate: 0 }, 'breaker.slowRate: expected a number > 0 and <= 1, got 0'],
    [{ slowRate: 1.01 }, 'breaker.slowRate: expected a number > 0 and <= 1, got 1.01'],
    [{ windowMs: 0.5 }, 'breaker.windowMs: expected an integer from 1 to 2147483647, got 0.5'],
    [{ minimumAttempts: 0 }, 'breaker.minimumAttempts: expected an integer >= 1, got 0'],
    [{ failureTreshold: 5 }, `breaker.failureTreshold: unknown option, expected one of ${known}`],
    [{ toString: 5 }, `breaker.toString: unknown option, expected one of ${known}`],
    [null, 'breaker: expected an object, got null'],
    [false, 'breaker: expected an object, got false'],
    [[], 'breaker: expected an object, got an array'],
    [{ failureThreshold: 0, jitter: 2 }, 'breaker.failureThreshold: expected an integer >= 1, got 0; breaker.jitter: expected a number from 0 to 1, got 2']
  ]
  for (const [options, message] of wrong) {
    t.test(`refused: ${message}`, async (t) => {
      try {
        t.fail(`accepted: ${JSON.stringify(new SinkCircuitBreaker('loki', options as BreakerOptions).settings)}`)
      } catch (err) {
        t.match(err, { name: 'FanoutError', code: 'ERR_FANOUT_OPTIONS', sink: 'loki' })
        t.equal(err instanceof Error && err.message, `ERR_FANOUT_OPTIONS: ${message}`)
      }
    })
  }
})

t.test('the outside', async (t) => {
  t.test('time and chance default to the real ones', async (t) => {
    let told: TransitionEvent | undefined
    const breaker = new SinkCircuitBreaker('loki', { failureThreshold: 1, recoveryTimeoutMs: 60000, jitter: 1 }, { onTransition: (event) => { told = event } })
    const before = Date.now()
    breaker.tryAcquire()?.failure()
    const after = Date.now()
    t.ok(told !== undefined && told.time >= before && told.time <= after)
    t.ok(told !== undefined && told.retryInMs >= 60000 && told.retryInMs <= 120000)
    t.ok(breaker.retryInMs > 0)
    t.equal(breaker.tryAcquire(), null)
  })

  t.test('a closed breaker does not ask for the time', async (t) => {
    const { breaker, succeed, fail } = breakerRig({}, { now: () => { throw new Error('asked') } })
    succeed()
    fail()
    t.equal(breaker.openForMs, 0)
    t.equal(breaker.retryInMs, 0)
  })
})
