import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { SinkCircuitBreaker, type BreakerOptions, type BreakerSettings, type CircuitState, type Permit, type TransitionEvent } from '#lib/breaker'
import { snapshot } from './support/breaker-rig.js'

type Outcome = 'success' | 'slow' | 'failure' | 'ignore'

const SLOW_MS = 100
/** How long a slow attempt takes. */
const TOOK_MS = 130

/** One thing that can happen to a breaker. `which` picks out of all permits ever given, settled and stale ones too. */
type Step =
  | { readonly do: 'acquire' | 'acquire-early' | 'force-open' | 'force-close' | 'reset' }
  | { readonly do: 'settle', readonly which: number, readonly outcome: Outcome }
  | { readonly do: 'advance', readonly ms: number }
  | { readonly do: 'wait', readonly aroundMs: number }

const outcome = fc.constantFrom<Outcome>('success', 'slow', 'failure', 'failure', 'ignore')

/** `which` counts from the newest permit backwards, so that most settlements hit what is in flight. */
const steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
  { weight: 12, arbitrary: fc.constant<Step>({ do: 'acquire' }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('settle' as const), which: fc.nat(7), outcome }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.oneof(fc.nat(400), fc.double({ min: 0, max: 50, noNaN: true })) }) },
  // To the moment it is due, or a little to either side of it.
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), aroundMs: fc.constantFrom(-1, -0.25, 0, 0, 0, 1) }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'acquire-early' }, { do: 'force-open' }, { do: 'force-close' }, { do: 'reset' }) }
), { maxLength: 150, size: 'max' })

const enforcing: fc.Arbitrary<BreakerOptions> = fc.record({
  failureThreshold: fc.integer({ min: 1, max: 4 }),
  recoveryTimeoutMs: fc.integer({ min: 1, max: 200 }),
  halfOpenMaxCalls: fc.integer({ min: 1, max: 4 }),
  successThreshold: fc.integer({ min: 1, max: 6 }),
  backoffMultiplier: fc.constantFrom(1, 1.5, 2, 10),
  maxRecoveryTimeoutMs: fc.integer({ min: 1, max: 1000 }),
  jitter: fc.constantFrom(0, 0.3, 1),
  failureRate: fc.constantFrom(0.2, 0.5, 2 / 3, 1),
  slowMs: fc.constant(SLOW_MS),
  slowRate: fc.constantFrom(0.3, 0.5, 1),
  windowMs: fc.constantFrom(1, 99, 300, 1000),
  minimumAttempts: fc.integer({ min: 1, max: 6 })
}, { requiredKeys: ['failureThreshold', 'recoveryTimeoutMs'] })

const anyOptions = fc.tuple(enforcing, fc.constantFrom<BreakerOptions>({}, {}, {}, { mode: 'observe' }, { mode: 'observe' }, { enabled: false }))
  .map(([options, more]) => ({ ...options, ...more }))

const chances = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 5 })

/** The same chances again and again, so that a breaker and its model draw the same. */
function dice (values: number[]): () => number {
  let thrown = 0
  return () => values[thrown++ % values.length] ?? 0
}

function settle (permit: Permit, outcome: Outcome): void {
  if (outcome === 'slow') permit.success(TOOK_MS)
  else permit[outcome]()
}

/** A breaker that steps are done to, and all permits that it has given. */
class Course {
  readonly breaker: SinkCircuitBreaker
  readonly permits: Permit[] = []
  readonly settled = new Set<Permit>()
  readonly events: TransitionEvent[] = []
  now = 5

  constructor (options: BreakerOptions, random: () => number = () => 0) {
    this.breaker = new SinkCircuitBreaker('loki', options, {
      now: () => this.now,
      wallTime: () => 0,
      random,
      onTransition: (event) => { this.events.push(event) }
    })
  }

  do (step: Step): void {
    switch (step.do) {
      case 'acquire': return this.keep(this.breaker.tryAcquire())
      case 'acquire-early': return this.keep(this.breaker.tryProbeEarly())
      case 'settle': return this.settle(this.pick(step.which), step.outcome)
      case 'advance': this.now += step.ms; return
      case 'wait': this.now += Math.max(0, this.breaker.retryInMs + step.aroundMs); return
      case 'force-open': return this.breaker.forceOpen()
      case 'force-close': return this.breaker.forceClose()
      case 'reset': return this.breaker.reset()
    }
  }

  keep (permit: Permit | null): void {
    if (permit !== null) this.permits.push(permit)
  }

  pick (which: number): Permit | undefined {
    return this.permits.at(-1 - which)
  }

  settle (permit: Permit | undefined, outcome: Outcome): void {
    if (permit === undefined) return
    this.settled.add(permit)
    settle(permit, outcome)
  }

  /** Permits of the present generation that are not settled. */
  inFlight (): Permit[] {
    return this.permits.filter((permit) => permit.generation === this.breaker.generation && !this.settled.has(permit))
  }
}

/**
 * The rules again, in the plainest way: every attempt is kept, and what the breaker has to count is counted anew each
 * time from the attempts of the present generation.
 */
class Model {
  state: CircuitState = 'closed'
  generation = 0
  stale = 0
  failuresInARow = 0
  attempts: Array<{ generation: number, counts: boolean, outcome: Outcome | undefined }> = []
  trippedAt = 0
  dueAt = 0
  wait = 0
  transitions: string[] = []
  /** Attempts that were settled while it was closed, since it has closed or was reset. */
  settled: Array<{ at: number, outcome: Outcome, busyMs: number }> = []

  constructor (readonly settings: BreakerSettings, readonly random: () => number) {}

  do (step: Step, now: number): void {
    switch (step.do) {
      case 'acquire': return this.acquire(now, false)
      case 'acquire-early': return this.acquire(now, true)
      case 'settle': return this.settle(this.attempts.at(-1 - step.which), step.outcome, now)
      case 'advance': case 'wait': return
      case 'force-open': if (this.state !== 'open' && this.settings.enabled) this.open(now, this.state === 'closed' ? this.settings.recoveryTimeoutMs : this.wait, 'forced'); return
      case 'force-close': if (this.state !== 'closed') this.close('forced'); return
      case 'reset': this.failuresInARow = 0; this.settled = []; if (this.state !== 'closed') this.close('reset')
    }
  }

  acquire (now: number, early: boolean): void {
    if (this.state === 'open' && (early || now >= this.dueAt)) this.enter('half-open', 'recovery-due')
    const ofThisTime = this.attempts.filter(({ generation, counts }) => counts && generation === this.generation)
    const inFlight = ofThisTime.filter(({ outcome }) => outcome === undefined).length
    const successes = ofThisTime.filter(({ outcome }) => outcome === 'success' || outcome === 'slow').length
    const admitted = this.state === 'closed' ||
      (this.state === 'half-open' && inFlight < this.settings.halfOpenMaxCalls && inFlight + successes < this.settings.successThreshold)
    if (admitted || this.settings.mode === 'observe') this.attempts.push({ generation: this.generation, counts: admitted, outcome: undefined })
  }

  settle (attempt: Model['attempts'][number] | undefined, outcome: Outcome, now: number): void {
    if (attempt === undefined || attempt.outcome !== undefined) return
    attempt.outcome = outcome
    if (!attempt.counts) return
    if (attempt.generation !== this.generation) { this.stale++; return }
    const rate = this.state === 'closed' ? this.rateAfter(outcome, now) : ''
    if (outcome === 'slow' && this.isSlowKnown()) {
      this.failuresInARow = 0
      if (this.state === 'half-open') this.reopen(now, 'slow')
      else if (rate !== '') this.open(now, this.settings.recoveryTimeoutMs, rate)
    } else if (outcome === 'success' || outcome === 'slow') {
      this.failuresInARow = 0
      const successes = this.attempts.filter(({ generation, counts, outcome }) => counts && generation === this.generation && (outcome === 'success' || outcome === 'slow')).length
      if (this.state === 'half-open' && successes === this.settings.successThreshold) this.close('probe-succeeded')
    }
    if (outcome === 'failure') {
      this.failuresInARow++
      const { enabled, failureThreshold, recoveryTimeoutMs } = this.settings
      if (this.state === 'half-open') {
        this.reopen(now, 'write-error')
      } else if (enabled && this.failuresInARow >= failureThreshold) {
        this.open(now, recoveryTimeoutMs, 'write-error')
      } else if (rate !== '') {
        this.open(now, recoveryTimeoutMs, rate)
      }
    }
  }

  isSlowKnown (): boolean {
    return this.settings.enabled && this.settings.slowMs !== undefined
  }

  /** The reason of the rate that this attempt trips the breaker by, if it does. */
  rateAfter (outcome: Outcome, now: number): string {
    const { enabled, failureRate, slowMs, slowRate, windowMs, minimumAttempts } = this.settings
    if (outcome === 'ignore' || !enabled) return ''
    const slowBefore = this.settled.filter(({ outcome }) => outcome === 'slow').at(-1)?.at ?? -Infinity
    this.settled.push({ at: now, outcome, busyMs: outcome === 'slow' ? Math.round(Math.min(TOOK_MS, now - slowBefore, windowMs)) : 0 })
    const bucketOf = (time: number): number => Math.floor(time / (windowMs / 10))
    const recent = this.settled.filter(({ at }) => bucketOf(at) > bucketOf(now) - 10)
    const countOf = (outcome: Outcome): number => recent.filter(attempt => attempt.outcome === outcome).length
    const areEnough = recent.length >= minimumAttempts
    const isBusy = countOf('slow') >= 2 && recent.reduce((sum, { busyMs }) => sum + busyMs, 0) >= windowMs / 2
    if (outcome === 'failure' && failureRate !== undefined && areEnough && countOf('failure') / recent.length >= failureRate) return 'failure-rate'
    if (outcome === 'slow' && slowMs !== undefined && (areEnough || isBusy) && countOf('slow') / recent.length >= slowRate) return 'slow'
    return ''
  }

  reopen (now: number, reason: string): void {
    const { recoveryTimeoutMs, backoffMultiplier, maxRecoveryTimeoutMs } = this.settings
    this.open(now, Math.max(recoveryTimeoutMs, Math.min(maxRecoveryTimeoutMs, this.wait * backoffMultiplier)), reason)
  }

  open (now: number, wait: number, reason: string): void {
    if (this.state === 'closed') this.trippedAt = now
    this.wait = wait
    this.dueAt = now + Math.round(wait * (1 + this.settings.jitter * this.random()))
    this.enter('open', reason)
  }

  close (reason: string): void {
    this.failuresInARow = 0
    this.enter('closed', reason)
  }

  enter (state: CircuitState, reason: string): void {
    this.transitions.push(`${this.state}>${state} ${reason} ${this.failuresInARow}`)
    this.state = state
    this.generation++
    this.settled = []
  }

  snapshot (now: number): ReturnType<typeof snapshot> {
    return {
      state: this.state,
      isOpen: this.state === 'open',
      generation: this.generation,
      consecutiveFailures: this.failuresInARow,
      retryInMs: this.state === 'open' ? Math.max(0, Math.ceil(this.dueAt - now)) : 0,
      openForMs: this.state === 'closed' ? 0 : Math.round(now - this.trippedAt),
      stale: this.stale
    }
  }
}

t.test('whatever happens, a breaker does what the plain model does', async (t) => {
  const trips = { 'failure-rate': 0, slow: 0, 'slow probe': 0 }
  fc.assert(fc.property(anyOptions, chances, steps, (options, chances, steps) => {
    const course = new Course(options, dice(chances))
    const model = new Model(course.breaker.settings, dice(chances))
    for (const step of steps) {
      course.do(step)
      model.do(step, course.now)
      assert.deepEqual(snapshot(course.breaker), model.snapshot(course.now))
      assert.equal(course.permits.length, model.attempts.length)
    }
    assert.deepEqual(course.events.map(({ from, to, reason, consecutiveFailures }) => `${from}>${to} ${reason} ${consecutiveFailures}`), model.transitions)
    for (const { reason, from } of course.events) {
      if (reason === 'failure-rate') trips['failure-rate']++
      if (reason === 'slow') trips[from === 'closed' ? 'slow' : 'slow probe']++
    }
  }), { numRuns: 3000 })
  t.ok(Object.values(trips).every(count => count > 100), `it tripped by rates: ${JSON.stringify(trips)}`)
})

t.test('permits in flight never exceed the cap of half-open, nor what is needed to close', async (t) => {
  let full = 0
  fc.assert(fc.property(enforcing, steps, (options, steps) => {
    const course = new Course(options)
    const { breaker } = course
    const { halfOpenMaxCalls, successThreshold } = breaker.settings
    let generation = 0
    let successes = 0
    for (const step of steps) {
      const settledNow = step.do === 'settle' ? course.pick(step.which) : undefined
      const isProbe = breaker.state === 'half-open' && settledNow !== undefined && course.inFlight().includes(settledNow)
      course.do(step)
      if (breaker.generation !== generation) {
        generation = breaker.generation
        successes = 0
      } else if (isProbe && step.do === 'settle' && (step.outcome === 'success' || step.outcome === 'slow')) {
        successes++
      }
      const inFlight = course.inFlight().length
      if (breaker.state === 'open') assert.equal(inFlight, 0, 'an open breaker has nothing in flight')
      if (breaker.state !== 'half-open') continue
      assert.ok(inFlight <= halfOpenMaxCalls, `${inFlight} in flight`)
      assert.ok(inFlight + successes <= successThreshold, `${inFlight} in flight and ${successes} successes`)
      if (inFlight === halfOpenMaxCalls && halfOpenMaxCalls > 1) full++
    }
  }), { numRuns: 1000 })
  t.ok(full > 100, 'the cap was reached')
})

t.test('no state is a trap: once what is in flight is settled, time and successes lead to closed', async () => {
  fc.assert(fc.property(anyOptions, chances, steps, fc.infiniteStream(outcome), (options, chances, steps, outcomes) => {
    const course = new Course(options, dice(chances))
    const { breaker } = course
    for (const step of steps) course.do(step)
    for (const permit of course.inFlight()) course.settle(permit, outcomes.next().value ?? 'ignore')

    for (let probes = 0; breaker.state !== 'closed'; probes++) {
      assert.ok(probes < breaker.settings.successThreshold, `still ${breaker.state} after ${probes} successful probes`)
      course.now += breaker.retryInMs
      const permit = breaker.tryAcquire()
      assert.notEqual(permit, null, 'a probe is permitted as soon as it is due')
      permit?.success()
    }
    breaker.tryAcquire()?.success()
    assert.equal(breaker.consecutiveFailures, 0)
  }), { numRuns: 1000 })
})

t.test('no attempt is permitted before the wait is over, and every wait is as long as it was told', async () => {
  fc.assert(fc.property(enforcing, chances, steps, (options, chances, steps) => {
    const course = new Course(options, dice(chances))
    const { recoveryTimeoutMs, maxRecoveryTimeoutMs, jitter } = course.breaker.settings
    let openedAt = 0
    let toldMs = 0
    for (const step of steps) {
      const told = course.events.length
      course.do(step)
      for (const { to, from, retryInMs } of course.events.slice(told)) {
        if (to === 'open') {
          openedAt = course.now
          toldMs = retryInMs
          assert.ok(toldMs >= recoveryTimeoutMs, `a wait of ${toldMs}`)
          assert.ok(toldMs <= Math.round(Math.max(recoveryTimeoutMs, maxRecoveryTimeoutMs) * (1 + jitter)), `a wait of ${toldMs}`)
        }
        if (from === 'open' && to === 'half-open' && step.do !== 'acquire-early') assert.ok(course.now >= openedAt + toldMs, 'half-open too early')
      }
    }
  }), { numRuns: 1000 })
})

t.test('the chain of events has no gap', async () => {
  fc.assert(fc.property(anyOptions, steps, (options, steps) => {
    const course = new Course(options)
    for (const step of steps) {
      const before = course.events.length
      const generation = course.breaker.generation
      course.do(step)
      assert.equal(course.events.length - before, course.breaker.generation - generation, 'one event for each transition')
    }
    assertChain(course.events, course.breaker)
  }), { numRuns: 1000 })
})

t.test('the chain of events has no gap either if a listener does things to the breaker, or throws', async () => {
  fc.assert(fc.property(enforcing, steps, fc.array(fc.constantFrom('force-open', 'force-close', 'reset', 'acquire', 'throw', 'nothing'), { maxLength: 40 }), (options, steps, reactions) => {
    let now = 0
    const events: TransitionEvent[] = []
    const pending = [...reactions]
    let telling = false
    let nested = 0
    const breaker = new SinkCircuitBreaker('loki', options, {
      now: () => now,
      onTransition: (event) => {
        if (telling) nested++
        telling = true
        events.push(event)
        const reaction = pending.shift()
        if (reaction === 'force-open') breaker.forceOpen()
        if (reaction === 'force-close') breaker.forceClose()
        if (reaction === 'reset') breaker.reset()
        if (reaction === 'acquire') breaker.tryAcquire()
        telling = false
        if (reaction === 'throw') throw new Error('listener')
      }
    })
    const permits: Permit[] = []
    for (const step of steps) {
      if (step.do === 'advance') now += step.ms
      if (step.do === 'wait') now += Math.max(0, breaker.retryInMs + step.aroundMs)
      const settled = step.do === 'settle' ? permits.at(-1 - step.which) : undefined
      if (step.do === 'settle' && settled !== undefined) settle(settled, step.outcome)
      if (step.do === 'acquire') permits.push(...[breaker.tryAcquire()].filter((permit) => permit !== null))
    }
    assert.equal(nested, 0, 'a listener is told one event at a time')
    assertChain(events, breaker)
  }), { numRuns: 1000 })
})

t.test('a stale permit changes nothing but stale, and settling again changes nothing at all', async (t) => {
  let stale = 0
  let again = 0
  fc.assert(fc.property(anyOptions, steps, (options, steps) => {
    const course = new Course(options)
    const { breaker } = course
    for (const step of steps) {
      const permit = step.do === 'settle' ? course.pick(step.which) : undefined
      const isSettled = permit !== undefined && course.settled.has(permit)
      const isStale = permit !== undefined && permit.generation !== breaker.generation
      const before = snapshot(breaker)
      const told = course.events.length
      course.do(step)
      if (!isSettled && !isStale) continue
      const after = snapshot(breaker)
      // What an observing breaker would have refused is not even stale.
      const counted = isSettled ? 0 : after.stale - before.stale
      assert.ok(counted === 1 || (counted === 0 && (isSettled || options.mode === 'observe')))
      assert.deepEqual(after, { ...before, stale: before.stale + counted })
      assert.equal(course.events.length, told)
      if (isSettled) again++
      else stale++
    }
  }), { numRuns: 1000 })
  t.ok(stale > 100 && again > 100, `${stale} stale, ${again} settled again`)
})

t.test('in sequential use the classic shape does what permits do', async () => {
  fc.assert(fc.property(anyOptions, fc.array(fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<Step | 'works' | 'works slowly' | 'fails'>('works', 'works slowly', 'fails') },
    { weight: 1, arbitrary: fc.constantFrom<Step | 'works' | 'works slowly' | 'fails'>({ do: 'wait', aroundMs: 0 }, { do: 'wait', aroundMs: -1 }, { do: 'force-open' }, { do: 'reset' }) }
  ), { maxLength: 150, size: 'max' }), (options, steps) => {
    const classic = new Course(options)
    const permits = new Course(options)
    for (const step of steps) {
      if (typeof step === 'object') {
        classic.do(step)
        permits.do(step)
      } else {
        const permit = permits.breaker.tryAcquire()
        assert.equal(classic.breaker.shouldAllow(), permit !== null)
        if (permit !== null && step !== 'fails') {
          const tookMs = step === 'works' ? 1 : TOOK_MS
          permit.success(tookMs)
          classic.breaker.recordSuccess(tookMs)
        } else if (permit !== null) {
          permit.failure()
          classic.breaker.recordFailure()
        }
      }
      assert.deepEqual(snapshot(classic.breaker), snapshot(permits.breaker))
    }
    assert.deepEqual(classic.events, permits.events)
  }), { numRuns: 1000 })
})

t.test('in the classic shape, attempts of earlier generations that were never recorded keep no breaker from closing', async () => {
  const anything = fc.constantFrom('allow', 'success', 'failure', 'wait', 'force-open', 'reset')
  fc.assert(fc.property(anyOptions, fc.array(anything, { maxLength: 150, size: 'max' }), (options, actions) => {
    const course = new Course(options)
    const { breaker } = course
    for (const action of actions) {
      if (action === 'allow') breaker.shouldAllow()
      if (action === 'success') breaker.recordSuccess()
      if (action === 'failure') breaker.recordFailure()
      if (action === 'wait') course.do({ do: 'wait', aroundMs: 0 })
      if (action === 'force-open') breaker.forceOpen()
      if (action === 'reset') breaker.reset()
    }
    assertChain(course.events, breaker)
    breaker.forceOpen()
    for (let probes = 0; breaker.state !== 'closed'; probes++) {
      assert.ok(probes < breaker.settings.successThreshold, `still ${breaker.state} after ${probes} successful probes`)
      course.now += breaker.retryInMs
      assert.equal(breaker.shouldAllow(), true)
      breaker.recordSuccess()
    }
  }), { numRuns: 1000 })
})

function assertChain (events: TransitionEvent[], breaker: SinkCircuitBreaker): void {
  let state: CircuitState = 'closed'
  for (const [index, event] of events.entries()) {
    assert.equal(event.from, state)
    assert.notEqual(event.to, event.from)
    assert.equal(event.generation, index + 1)
    assert.ok(!(event.from === 'closed' && event.to === 'half-open'), 'there is no way from closed to half-open')
    if (event.from === 'closed') assert.equal(event.openForMs, 0)
    if (event.to !== 'open') assert.equal(event.retryInMs, 0)
    state = event.to
  }
  assert.equal(breaker.state, state)
  assert.equal(breaker.generation, events.length)
}
