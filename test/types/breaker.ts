// The breaker, the events and the errors as a user sees them. Compiled, never run.
import { FanoutError, SinkCircuitBreaker, type BreakerOptions, type CircuitState, type FanoutErrorCode, type FanoutSnapshot, type Permit, type SerializedError, type SinkSnapshot, type TransitionEvent } from 'pino-breaker-fanout'
import { sameType } from './expect.js'

const options: BreakerOptions = { failureThreshold: 3 }
const breaker = new SinkCircuitBreaker('loki', options, { now: () => 0, random: () => 0.5, onTransition: (event) => sameType<typeof event, TransitionEvent>() })

sameType<CircuitState, 'closed' | 'open' | 'half-open'>()
sameType<typeof breaker.state, CircuitState>()
sameType<ReturnType<typeof breaker.tryAcquire>, Permit | null>()
sameType<ReturnType<typeof breaker.shouldAllow>, boolean>()
sameType<TransitionEvent['from'], CircuitState>()
sameType<TransitionEvent['err'], SerializedError | undefined>()
sameType<TransitionEvent['retryInMs'], number>()

export function reasons (event: TransitionEvent): string {
  switch (event.reason) {
    case 'write-timeout': return 'slow'
    case 'http-503': return 'busy'
    case 'probe-succeeded': return 'well'
    // @ts-expect-error there is no such reason
    case 'bad-luck': return 'never'
    default: return event.reason
  }
}

// @ts-expect-error a breaker belongs to a sink
export const nameless = new SinkCircuitBreaker()
// @ts-expect-error its state changes by what it is told only
breaker.state = 'open'
// @ts-expect-error a permit may be refused
breaker.tryAcquire().success()
// @ts-expect-error there is no such option
export const misspelt = new SinkCircuitBreaker('loki', { failureTreshold: 3 })

export function total ({ sinks }: FanoutSnapshot): number {
  sameType<typeof sinks, SinkSnapshot[]>()
  return sinks.reduce((sum, { linesDelivered, linesDropped }) => {
    sameType<typeof linesDropped['queue-full'], number | undefined>()
    return sum + linesDelivered
  }, 0)
}

export function codes (error: unknown): FanoutErrorCode | undefined {
  if (!(error instanceof FanoutError)) return undefined
  sameType<typeof error.sink, string | undefined>()
  // @ts-expect-error there is no such code
  if (error.code === 'ERR_FANOUT_UNKNOWN') return undefined
  return error.code
}
