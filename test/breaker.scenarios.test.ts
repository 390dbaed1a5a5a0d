import t from 'tap'
import { breakerRig } from './support/breaker-rig.js'

// The scenarios of two well-tried breakers, told anew in the words of this one. Where it decides otherwise, the name says so.

t.test('sony/gobreaker', async (t) => {
  t.test('a default circuit breaker, through its whole life', async (t) => {
    const { breaker, fail, succeed, trip, advance, acquire, story } = breakerRig({ failureThreshold: 6, recoveryTimeoutMs: 60000 })
    fail(5)
    t.equal(breaker.state, 'closed')
    t.equal(breaker.consecutiveFailures, 5)
    succeed()
    t.equal(breaker.consecutiveFailures, 0)
    fail()
    t.equal(breaker.consecutiveFailures, 1)
    trip()
    t.equal(breaker.state, 'open')
    t.equal(breaker.tryAcquire(), null)
    advance(59999)
    t.equal(breaker.tryAcquire(), null)
    advance(1001)
    fail()
    t.equal(breaker.state, 'open', 'the only probe has failed')
    advance(60000)
    acquire().success()
    t.equal(breaker.state, 'closed')
    t.equal(breaker.consecutiveFailures, 0)
    t.strictSame(story(), [
      'closed>open write-error',
      'open>half-open recovery-due', 'half-open>open write-error',
      'open>half-open recovery-due', 'half-open>closed probe-succeeded'
    ])
  })

  t.test('three requests in half-open: the excluded are neutral, the first failure opens it again', async (t) => {
    const { breaker, trip, probe, acquire } = breakerRig({ halfOpenMaxCalls: 3, recoveryTimeoutMs: 90000 })
    trip()
    probe().ignore()
    for (let i = 0; i < 3; i++) acquire().ignore()
    t.equal(breaker.state, 'half-open')
    acquire().failure()
    t.equal(breaker.state, 'open')
  })

  t.test('three requests in half-open: while the last one needed is under way there is no other', async (t) => {
    const { breaker, trip, probe, acquire } = breakerRig({ halfOpenMaxCalls: 3, recoveryTimeoutMs: 90000 })
    trip()
    probe().success()
    acquire().success()
    t.equal(breaker.state, 'half-open')
    const later = acquire()
    t.equal(breaker.tryAcquire(), null)
    t.equal(breaker.state, 'half-open')
    later.success()
    t.equal(breaker.state, 'closed')
  })

  t.test('in two steps: permission now, the outcome later', async (t) => {
    const { breaker, trip, acquire, probe, advance } = breakerRig({ failureThreshold: 6, recoveryTimeoutMs: 60000 })
    const underWay = Array.from({ length: 5 }, acquire)
    advance(1000)
    for (const permit of underWay) permit.failure()
    t.equal(breaker.state, 'closed')
    t.equal(breaker.consecutiveFailures, 5)
    trip()
    t.equal(breaker.state, 'open')
    const permit = probe()
    advance(1000)
    t.equal(breaker.state, 'half-open')
    permit.success()
    t.equal(breaker.state, 'closed')
  })

  t.test('a request of the previous generation has no effect on the counts', async (t) => {
    const { breaker, acquire, trip, probe, fail } = breakerRig({ failureThreshold: 3 })
    const slow = acquire()
    trip()
    probe().success()
    fail(2)
    slow.success()
    t.equal(breaker.consecutiveFailures, 2)
    fail()
    t.equal(breaker.state, 'open')
  })

  t.test('what counts as success is up to the caller, and so is what counts at all', async (t) => {
    const { breaker, acquire } = breakerRig({ failureThreshold: 3 })
    const attempts: Array<['excluded' | 'fine' | 'wrong', number]> = [
      ['excluded', 0], ['excluded', 0], ['wrong', 1], ['wrong', 2], ['excluded', 2], ['fine', 0], ['excluded', 0], ['wrong', 1], ['wrong', 2]
    ]
    for (const [answer, failures] of attempts) {
      const permit = acquire()
      if (answer === 'excluded') permit.ignore()
      else if (answer === 'fine') permit.success()
      else permit.failure()
      t.equal(breaker.consecutiveFailures, failures)
    }
    t.equal(breaker.state, 'closed')
  })

  t.test('in parallel: many successful and excluded requests at once, none refused', async (t) => {
    const { breaker, acquire, story } = breakerRig({ failureThreshold: 1 })
    const routine = async (): Promise<void> => {
      for (let i = 0; i < 1000; i++) {
        const permit = acquire()
        await Promise.resolve()
        if (i % 2 === 0) permit.success()
        else permit.ignore()
      }
    }
    await Promise.all(Array.from({ length: 10 }, routine))
    t.equal(breaker.state, 'closed')
    t.strictSame(story(), [])
  })
})

t.test('resilience4j', async (t) => {
  const fourProbes = { halfOpenMaxCalls: 4, recoveryTimeoutMs: 5000 }

  t.test('only four calls are permitted in half-open, each time anew', async (t) => {
    const { breaker, probe, acquire } = breakerRig(fourProbes)
    for (let round = 0; round < 2; round++) {
      breaker.forceOpen()
      probe()
      for (let i = 0; i < 3; i++) acquire()
      t.equal(breaker.tryAcquire(), null)
      t.equal(breaker.tryAcquire(), null)
    }
  })

  t.test('releasing a permission makes room for another call', async (t) => {
    const { breaker, probe, acquire } = breakerRig(fourProbes)
    breaker.forceOpen()
    const permits = [probe(), acquire(), acquire(), acquire()]
    t.equal(breaker.tryAcquire(), null)
    permits[2]?.ignore()
    acquire()
    t.equal(breaker.tryAcquire(), null)
  })

  t.test('it turns half-open once the wait is over, by a call and not by itself', async (t) => {
    const { breaker, advance, acquire, events } = breakerRig(fourProbes)
    breaker.forceOpen()
    t.equal(breaker.tryAcquire(), null)
    advance(3000)
    t.equal(breaker.tryAcquire(), null)
    advance(3000)
    t.equal(breaker.state, 'open')
    t.equal(events.length, 1)
    acquire()
    t.equal(breaker.state, 'half-open')
  })

  t.test('with an interval function the second wait is longer', async (t) => {
    const { breaker, advance, fail, acquire } = breakerRig({ recoveryTimeoutMs: 5000, backoffMultiplier: 1.5 })
    breaker.forceOpen()
    advance(3000)
    t.equal(breaker.tryAcquire(), null)
    advance(3000)
    fail()
    advance(6000)
    t.equal(breaker.tryAcquire(), null)
    advance(5000)
    acquire()
    t.equal(breaker.state, 'half-open')
  })

  t.test('a failure in half-open opens it again; here the first one does, there a rate of them', async (t) => {
    const { breaker, probe, acquire, trip } = breakerRig(fourProbes)
    trip()
    const permits = [probe(), acquire(), acquire(), acquire()]
    permits[0]?.success()
    permits[1]?.failure()
    t.equal(breaker.state, 'open')
    permits[2]?.success()
    permits[3]?.success()
    t.equal(breaker.state, 'open')
    t.equal(breaker.stale, 2)
  })

  t.test('four successes in half-open close it, and the fifth call counts for the closed state', async (t) => {
    const { breaker, probe, succeed, trip, acquire } = breakerRig(fourProbes)
    trip()
    probe().success()
    succeed(3)
    t.equal(breaker.state, 'closed')
    acquire().failure()
    t.equal(breaker.consecutiveFailures, 1)
  })

  t.test('an ignored exception does not fill the last place of half-open', async (t) => {
    const { breaker, probe, succeed, acquire, trip } = breakerRig(fourProbes)
    trip()
    probe().success()
    succeed(2)
    acquire().ignore()
    t.equal(breaker.state, 'half-open')
    succeed()
    t.equal(breaker.state, 'closed')
  })

  t.test('four ignored exceptions, then four successes: closed by the last one', async (t) => {
    const { breaker, probe, succeed, acquire, trip } = breakerRig(fourProbes)
    trip()
    probe().ignore()
    for (let i = 0; i < 3; i++) acquire().ignore()
    t.equal(breaker.state, 'half-open')
    succeed(3)
    t.equal(breaker.state, 'half-open')
    succeed()
    t.equal(breaker.state, 'closed')
  })

  t.test('a probe that its caller gives up as timed out does not hold it in half-open', async (t) => {
    const { breaker, probe, trip, advance, story } = breakerRig({ recoveryTimeoutMs: 5000 })
    trip()
    const hanging = probe()
    advance(10000)
    t.equal(breaker.tryAcquire(), null)
    hanging.failure(new Error('no answer'), 'write-timeout')
    t.equal(breaker.state, 'open')
    t.equal(breaker.retryInMs, 5000)
    t.equal(story().at(-1), 'half-open>open write-timeout')
    probe().success()
    t.equal(breaker.state, 'closed')
  })

  t.test('forced open it refuses; here it recovers after its wait, there it stays', async (t) => {
    const { breaker, advance } = breakerRig(fourProbes)
    breaker.forceOpen()
    advance(4999)
    t.equal(breaker.tryAcquire(), null)
    advance(1)
    t.not(breaker.tryAcquire(), null)
  })

  t.test('disabled it permits every call, however many fail', async (t) => {
    const { breaker, fail, succeed, story } = breakerRig({ ...fourProbes, enabled: false })
    succeed()
    fail(20)
    t.equal(breaker.state, 'closed')
    t.strictSame(story(), [])
  })

  t.test('metrics only: it counts and refuses nothing; here it also tells what it would have done', async (t) => {
    const { breaker, fail, story } = breakerRig({ ...fourProbes, mode: 'observe', failureThreshold: 3 })
    fail(10)
    t.equal(breaker.consecutiveFailures, 3)
    t.strictSame(story(), ['closed>open write-error'])
  })

  t.test('a transition to the state that it is in is told to nobody', async (t) => {
    const { breaker, events } = breakerRig(fourProbes)
    breaker.forceClose()
    t.equal(events.length, 0)
    breaker.forceOpen()
    breaker.forceOpen()
    t.equal(events.length, 1)
    breaker.tryProbeEarly()
    breaker.tryProbeEarly()
    t.equal(events.length, 2)
    breaker.reset()
    breaker.reset()
    t.equal(events.length, 3)
  })

  t.test('there is no way from closed to half-open', async (t) => {
    const { breaker, advance, events } = breakerRig(fourProbes)
    advance(1000000)
    breaker.tryAcquire()?.ignore()
    breaker.tryProbeEarly()?.ignore()
    t.equal(breaker.state, 'closed')
    t.strictSame(events, [])
  })

  t.test('reset begins anew, out of open and in closed', async (t) => {
    const { breaker, trip, fail } = breakerRig({ failureThreshold: 2 })
    trip()
    breaker.reset()
    t.equal(breaker.state, 'closed')
    fail()
    breaker.reset()
    t.equal(breaker.consecutiveFailures, 0)
    fail()
    t.equal(breaker.state, 'closed')
  })
})
