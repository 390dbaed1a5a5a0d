import t from 'tap'
import { breakerRig, snapshot, type BreakerRig } from './support/breaker-rig.js'
import type { BreakerOptions } from '#lib/breaker'

const SLOW = 2000
const FAST = 5

/** Attempts that end one after the other: `f` fails, `s` is slow, `.` succeeds at once. */
function attempt ({ acquire, advance }: BreakerRig, outcomes: string, everyMs = 0): void {
  for (const outcome of outcomes) {
    advance(everyMs)
    const permit = acquire()
    if (outcome === 'f') permit.failure(Object.assign(new Error('unavailable'), { statusCode: 503 }))
    else permit.success(outcome === 's' ? SLOW : FAST)
  }
}

/** No number of failures in a row trips it. */
const byRate: BreakerOptions = { failureThreshold: 1000, failureRate: 0.5 }
const bySlowness: BreakerOptions = { slowMs: 1000 }

t.test('failure rate', async (t) => {
  t.test('a backend that fails every second time never trips the threshold, but the rate, as soon as there were enough attempts', async (t) => {
    const rig = breakerRig({ failureThreshold: 2, failureRate: 0.5 })
    attempt(rig, '.f.f.f.f.')
    t.equal(rig.breaker.state, 'closed')
    attempt(rig, 'f')
    t.strictSame(rig.story(), ['closed>open failure-rate'])
  })

  t.test('the transition tells the share, the attempts and the last failure', async (t) => {
    const rig = breakerRig({ ...byRate, minimumAttempts: 3 })
    attempt(rig, '.ff')
    t.match(rig.events, [{ reason: 'failure-rate', attempts: 3, failureRate: 0.667, consecutiveFailures: 2, retryInMs: 30000, err: { message: 'unavailable', statusCode: 503 } }])
    t.notOk('slowRate' in (rig.events[0] ?? {}))
  })

  t.test('a share below the rate does not trip it, and the rate itself does', async (t) => {
    const below = breakerRig({ ...byRate, failureRate: 0.4, minimumAttempts: 3 })
    attempt(below, '..f..f..f..f')
    attempt(below, 'f')
    t.equal(below.breaker.state, 'closed', '5 of 13')
    attempt(below, 'f')
    t.match(below.events, [{ attempts: 14, failureRate: 0.429 }])
    const at = breakerRig({ ...byRate, failureRate: 0.55, minimumAttempts: 20 })
    attempt(at, '.........fffffffffff')
    t.match(at.events, [{ attempts: 20, failureRate: 0.55 }])
  })

  t.test('with a rate of 1 all attempts must have failed', async (t) => {
    const rig = breakerRig({ ...byRate, failureRate: 1, minimumAttempts: 2, windowMs: 1000 })
    attempt(rig, '.ffffff')
    t.equal(rig.breaker.state, 'closed')
    attempt(rig, 'f', 1000)
    t.equal(rig.breaker.state, 'closed', 'one attempt is too few')
    attempt(rig, 'f')
    t.equal(rig.breaker.state, 'open')
  })

  t.test('a success does not trip it, even if it makes the attempts enough', async (t) => {
    const rig = breakerRig({ ...byRate, minimumAttempts: 4 })
    attempt(rig, 'fff.')
    t.equal(rig.breaker.state, 'closed')
    attempt(rig, 'f')
    t.equal(rig.breaker.state, 'open')
  })

  t.test('attempts that are older than the window do not count', async (t) => {
    const rig = breakerRig({ ...byRate, windowMs: 1000, minimumAttempts: 4 })
    attempt(rig, 'fff')
    attempt(rig, 'f', 1000)
    attempt(rig, 'ff', 1)
    t.equal(rig.breaker.state, 'closed')
    attempt(rig, 'f', 1)
    t.match(rig.events, [{ reason: 'failure-rate', attempts: 4, failureRate: 1 }])
  })

  t.test('if the threshold is reached by the same failure, its own reason is told', async (t) => {
    const rig = breakerRig({ failureThreshold: 3, failureRate: 0.5, minimumAttempts: 3 })
    attempt(rig, 'fff')
    t.strictSame(rig.story(), ['closed>open http-503'])
    t.notOk('attempts' in (rig.events[0] ?? {}))
  })

  t.test('ignored attempts and late ones do not count', async (t) => {
    const rig = breakerRig({ ...byRate, minimumAttempts: 3 })
    const late = [rig.acquire(), rig.acquire(), rig.acquire()]
    rig.breaker.forceOpen()
    rig.breaker.forceClose()
    for (const permit of late) permit.failure()
    for (let n = 0; n < 5; n++) rig.acquire().ignore()
    attempt(rig, 'ff')
    t.equal(rig.breaker.state, 'closed')
    t.equal(rig.breaker.stale, 3)
    attempt(rig, 'f')
    t.equal(rig.breaker.state, 'open')
  })

  t.test('after a recovery, and after reset(), counting begins anew', async (t) => {
    const rig = breakerRig({ ...byRate, minimumAttempts: 4, recoveryTimeoutMs: 1 })
    attempt(rig, 'ffff')
    rig.probe().success(FAST)
    attempt(rig, 'fff')
    t.equal(rig.breaker.state, 'closed')
    rig.breaker.reset()
    attempt(rig, 'fff')
    t.equal(rig.breaker.state, 'closed')
    attempt(rig, 'f')
    t.strictSame(rig.story(), ['closed>open failure-rate', 'open>half-open recovery-due', 'half-open>closed probe-succeeded', 'closed>open failure-rate'])
  })
})

t.test('slowness', async (t) => {
  t.test('a backend that slows down trips it, with the share, the attempts and how long the last one took', async (t) => {
    const rig = breakerRig(bySlowness)
    attempt(rig, '.....ssss')
    t.equal(rig.breaker.state, 'closed')
    attempt(rig, 's')
    t.match(rig.events, [{ from: 'closed', to: 'open', reason: 'slow', attempts: 10, slowRate: 0.5, tookMs: SLOW, consecutiveFailures: 0, retryInMs: 30000 }])
    t.notOk('err' in (rig.events[0] ?? {}))
  })

  t.test('an attempt is slow only if it took longer than slowMs', async (t) => {
    const rig = breakerRig({ slowMs: 1000, minimumAttempts: 1 })
    rig.acquire().success(1000)
    t.equal(rig.breaker.state, 'closed')
    rig.acquire().success()
    rig.acquire().success(NaN)
    t.equal(rig.breaker.state, 'closed')
    for (let n = 0; n < 3; n++) rig.acquire().success(1000.5)
    t.match(rig.events, [{ reason: 'slow', tookMs: 1001, attempts: 6 }])
  })

  t.test('a failure is an attempt, but no slow one', async (t) => {
    const rig = breakerRig({ ...bySlowness, failureThreshold: 1000 })
    attempt(rig, 'ffffffssss')
    t.equal(rig.breaker.state, 'closed')
    attempt(rig, 'ss')
    t.match(rig.events, [{ reason: 'slow', attempts: 12, slowRate: 0.5 }])
  })

  t.test('a slow success ends a row of failures', async (t) => {
    const rig = breakerRig({ ...bySlowness, failureThreshold: 3 })
    attempt(rig, 'ffsff')
    t.equal(rig.breaker.state, 'closed')
  })

  t.test('a sink that takes one batch at a time trips it with fewer attempts, once slow ones took half of the window', async (t) => {
    const rig = breakerRig(bySlowness)
    attempt(rig, 'ss', SLOW)
    t.equal(rig.breaker.state, 'closed')
    attempt(rig, 's', SLOW)
    t.match(rig.events, [{ reason: 'slow', attempts: 3, slowRate: 1 }])

    const slower = breakerRig(bySlowness)
    slower.advance(8000)
    slower.acquire().success(8000)
    t.equal(slower.breaker.state, 'closed', 'a single attempt is too few, however long it took')
    slower.advance(8000)
    slower.acquire().success(8000)
    t.equal(slower.breaker.state, 'open')
  })

  t.test('fewer attempts are not enough if slow ones overlap, or leave the sink idle for most of the time', async (t) => {
    const atOnce = breakerRig(bySlowness)
    attempt(atOnce, 'sssssssss')
    t.equal(atOnce.breaker.state, 'closed')
    const idle = breakerRig(bySlowness)
    attempt(idle, 'ssssssssssssssssssss', 5000)
    t.equal(idle.breaker.state, 'closed')
  })

  t.test('a slow probe opens it again, and the wait grows as after a probe that failed', async (t) => {
    const rig = breakerRig({ ...bySlowness, recoveryTimeoutMs: 1000, backoffMultiplier: 2, minimumAttempts: 1 })
    attempt(rig, 's')
    rig.probe().success(SLOW)
    t.match(rig.events.at(-1), { from: 'half-open', to: 'open', reason: 'slow', tookMs: SLOW, retryInMs: 2000, consecutiveFailures: 0 })
    t.notOk('attempts' in (rig.events.at(-1) ?? {}))
    rig.probe().success(FAST)
    t.equal(rig.breaker.state, 'closed')
  })

  t.test('with several probes, one that is slow is enough to open it again', async (t) => {
    const rig = breakerRig({ ...bySlowness, halfOpenMaxCalls: 2, minimumAttempts: 1 })
    attempt(rig, 's')
    const first = rig.probe()
    const second = rig.acquire()
    first.success(FAST)
    t.equal(rig.breaker.state, 'half-open')
    second.success(SLOW)
    t.equal(rig.breaker.state, 'open')
  })
})

t.test('both rates count the same attempts', async (t) => {
  const rig = breakerRig({ ...byRate, ...bySlowness, failureRate: 0.6, slowRate: 0.6 })
  attempt(rig, 'fsfsfsfsfsfs')
  t.equal(rig.breaker.state, 'closed')
  attempt(rig, 'sss')
  t.match(rig.events, [{ reason: 'slow', attempts: 15, slowRate: 0.6 }])
})

t.test('in the classic form, recordSuccess takes the duration', async (t) => {
  const { breaker, story } = breakerRig({ ...bySlowness, minimumAttempts: 2 })
  breaker.shouldAllow()
  breaker.recordSuccess(SLOW)
  breaker.recordSuccess(SLOW)
  t.strictSame(story(), ['closed>open slow'])
})

t.test('an observing breaker reports its rates, and refuses nothing', async (t) => {
  const rig = breakerRig({ ...byRate, ...bySlowness, mode: 'observe', minimumAttempts: 4 })
  attempt(rig, 'f.ff')
  attempt(rig, 'ssssffff')
  t.strictSame(rig.story(), ['closed>open failure-rate'])
  t.ok(rig.acquire())
})

t.test('a breaker that is off, or has no rates, stays closed and counts nothing', async (t) => {
  for (const options of [{ ...byRate, ...bySlowness, enabled: false }, { failureThreshold: 1000, slowRate: 0.1, windowMs: 1000, minimumAttempts: 1 }]) {
    const rig = breakerRig(options, { now: () => { throw new Error('asked for the time') } })
    attempt(rig, 'ffffssssssssssfff')
    t.match(snapshot(rig.breaker), { state: 'closed', generation: 0 })
  }
})
