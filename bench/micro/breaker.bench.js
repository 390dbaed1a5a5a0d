import { SinkCircuitBreaker } from 'pino-breaker-fanout'

/** The cost of a permit for one batch. */
export default function addTasks (bench) {
  const closed = new SinkCircuitBreaker('sink', { failureThreshold: 5 })
  bench.add('acquire and succeed', () => closed.tryAcquire().success())
  bench.add('acquire and ignore', () => closed.tryAcquire().ignore())
  const open = new SinkCircuitBreaker('sink', {})
  open.forceOpen()
  bench.add('refused while open', () => open.tryAcquire())
}
