import t from 'tap'
import fc from 'fast-check'
import { circuitBreaker, CircuitState as OracleState, ConsecutiveBreaker, handleAll, isBrokenCircuitError, IterableBackoff, SamplingBreaker } from 'cockatiel'
import { SinkCircuitBreaker } from '#lib/breaker'

// cockatiel asks Date.now for the time, and nothing else can be handed to it.
let now = 0
const realNow = Date.now
t.before(() => { Date.now = () => now })
t.teardown(() => { Date.now = realNow })

type Step = { readonly attempt: 'works' | 'fails' } | { readonly advanceMs: number }

const STEPS_PER_RUN = 1000
const RUNS = 200

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Step>({ attempt: 'works' }) },
  { weight: 4, arbitrary: fc.constant<Step>({ attempt: 'fails' }) },
  { weight: 2, arbitrary: fc.record({ advanceMs: fc.nat(120) }) },
  // The waits themselves, since it is at their very ends that two breakers differ.
  { weight: 2, arbitrary: fc.record({ advanceMs: fc.constantFrom(1, 49, 50, 51, 99, 100, 101, 199, 200, 201) }) }
)

const settings = fc.record({
  failureThreshold: fc.integer({ min: 1, max: 5 }),
  recoveryTimeoutMs: fc.constantFrom(1, 50, 100),
  backoffMultiplier: fc.constantFrom(1, 2)
})

t.test('200,000 random steps in sequential use agree with cockatiel, attempt by attempt', async (t) => {
  let steps = 0
  let refused = 0
  const visited = { closed: 0, open: 0, 'half-open': 0 }

  await fc.assert(fc.asyncProperty(settings, fc.array(step, { minLength: STEPS_PER_RUN, maxLength: STEPS_PER_RUN }), async (options, course) => {
    const { failureThreshold, recoveryTimeoutMs, backoffMultiplier } = options
    const maxRecoveryTimeoutMs = 4 * recoveryTimeoutMs
    const oracle = circuitBreaker(handleAll, {
      breaker: new ConsecutiveBreaker(failureThreshold),
      halfOpenAfter: backoffMultiplier === 1 ? recoveryTimeoutMs : new IterableBackoff([recoveryTimeoutMs, 2 * recoveryTimeoutMs, maxRecoveryTimeoutMs])
    })
    const told: string[] = []
    const oracleTold: string[] = []
    oracle.onStateChange((state) => { oracleTold.push(nameOf(state)) })
    const breaker = new SinkCircuitBreaker('loki', { ...options, maxRecoveryTimeoutMs }, {
      now: () => now,
      onTransition: ({ to }) => { told.push(to) }
    })

    for (const [index, current] of course.entries()) {
      steps++
      if ('advanceMs' in current) {
        now += current.advanceMs
        continue
      }
      const works = current.attempt === 'works'
      let during = 'refused'
      const outcome = await oracle.execute(() => {
        during = nameOf(oracle.state)
        if (!works) throw new Error('fails')
      }).then(() => 'works', (err: unknown) => isBrokenCircuitError(err) ? 'refused' : 'fails')

      const permit = breaker.tryAcquire()
      if (permit === null) refused++
      else visited[breaker.state]++
      const ours = permit === null ? 'refused' : breaker.state
      // cockatiel runs a probe before it says that it is half-open.
      equal(ours, during === 'open' ? 'half-open' : during, 'what the attempt met', index)
      equal(permit === null ? 'refused' : current.attempt, outcome, 'the attempt', index)
      if (works) permit?.success()
      else permit?.failure()
      equal(breaker.state, nameOf(oracle.state), 'the state', index)
    }
    equal(told.join(), oracleTold.join(), 'the transitions told', course.length)
  }), { numRuns: RUNS })

  t.equal(steps, RUNS * STEPS_PER_RUN)
  t.equal(steps, 200_000)
  t.ok(refused > 1000 && visited.closed > 1000 && visited['half-open'] > 1000, `the steps went everywhere: ${JSON.stringify({ refused, ...visited })}`)
})

/**
 * cockatiel begins a bucket with the first attempt that comes a bucket's length after the beginning of the last one, and drops
 * one bucket at a time. Here buckets begin at multiples of their length, and all that are too old are dropped. With an attempt
 * at the beginning of each second, both have the same buckets. These differences are evened out:
 *
 * - cockatiel trips above its threshold, and this breaker at its rate: no share can be equal to the rates below.
 * - cockatiel counts the probe that closed it; here it is recorded once more.
 * - cockatiel asks for attempts a second, and this breaker for attempts in the window.
 */
t.test('50,000 random attempts agree with cockatiel\'s SamplingBreaker on when the rate trips', async (t) => {
  const SECONDS = 100
  const windowMs = 10_000
  const options = fc.record({
    failureRate: fc.constantFrom(0.20001, 0.50001, 0.79999),
    minimumAttempts: fc.constantFrom(10, 20, 50)
  })
  // How likely attempts are to fail changes from second to second, so that rates are crossed in both directions.
  const second = fc.record({ failing: fc.constantFrom(0, 0.2, 0.5, 0.8, 1), chances: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 8, maxLength: 12 }), offsets: fc.array(fc.nat(999), { minLength: 12, maxLength: 12 }) })
  let attempts = 0
  let trips = 0
  await fc.assert(fc.asyncProperty(options, fc.array(second, { minLength: SECONDS, maxLength: SECONDS }), async ({ failureRate, minimumAttempts }, course) => {
    const recoveryTimeoutMs = 3000
    const oracle = circuitBreaker(handleAll, {
      breaker: new SamplingBreaker({ threshold: failureRate, duration: windowMs, minimumRps: minimumAttempts / (windowMs / 1000) }),
      halfOpenAfter: recoveryTimeoutMs
    })
    const breaker = new SinkCircuitBreaker('loki', { failureThreshold: 1e9, failureRate, minimumAttempts, windowMs, recoveryTimeoutMs }, {
      now: () => now,
      onTransition: ({ reason }) => { if (reason === 'failure-rate') trips++ }
    })
    now = Math.ceil(now / 1000) * 1000 + 100_000
    const start = now
    for (const [index, { failing, chances, offsets }] of course.entries()) {
      const times = offsets.slice(0, chances.length - 1).sort((a, b) => a - b)
      // A probe comes at the beginning of a second, as the breaker opens there at the latest a second before.
      for (const [n, offset] of [0, ...times].entries()) {
        now = start + index * 1000 + offset
        const isProbe = breaker.state === 'open' && breaker.retryInMs === 0
        if (isProbe && offset > 0) continue
        const works = (chances[n] as number) >= failing
        attempts++
        const outcome = await oracle.execute(() => { if (!works) throw new Error('fails') }).then(() => 'works', (err: unknown) => isBrokenCircuitError(err) ? 'refused' : 'fails')
        const permit = breaker.tryAcquire()
        equal(permit === null ? 'refused' : works ? 'works' : 'fails', outcome, 'the attempt', attempts)
        if (works) permit?.success()
        else permit?.failure()
        if (isProbe && works) breaker.recordSuccess()
        equal(breaker.state, nameOf(oracle.state), 'the state', attempts)
      }
    }
  }), { numRuns: 60 })
  t.ok(attempts > 50_000, `${attempts} attempts`)
  t.ok(trips > 250, `it tripped ${trips} times`)
})

function nameOf (state: OracleState): string {
  return { [OracleState.Closed]: 'closed', [OracleState.Open]: 'open', [OracleState.HalfOpen]: 'half-open', [OracleState.Isolated]: 'isolated' }[state]
}

function equal (ours: string, theirs: string, what: string, index: number): void {
  if (ours !== theirs) throw new Error(`${what} differs at step ${index}: ${ours}, cockatiel ${theirs}`)
}
