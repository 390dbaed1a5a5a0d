import t from 'tap'
import fc from 'fast-check'
import { circuitBreaker, CircuitState as OracleState, ConsecutiveBreaker, handleAll, isBrokenCircuitError, IterableBackoff } from 'cockatiel'
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

function nameOf (state: OracleState): string {
  return { [OracleState.Closed]: 'closed', [OracleState.Open]: 'open', [OracleState.HalfOpen]: 'half-open', [OracleState.Isolated]: 'isolated' }[state]
}

function equal (ours: string, theirs: string, what: string, index: number): void {
  if (ours !== theirs) throw new Error(`${what} differs at step ${index}: ${ours}, cockatiel ${theirs}`)
}
