import { SinkCircuitBreaker } from 'pino-breaker-fanout'

/** The cost of a permit for one batch. */
export default function addTasks (bench) {
  const closed = new SinkCircuitBreaker('sink', { failureThreshold: 5 })
  bench.add('acquire and succeed', () => closed.tryAcquire().success())
  bench.add('acquire and ignore', () => closed.tryAcquire().ignore())
  const rates = new SinkCircuitBreaker('sink', { failureRate: 0.5, slowMs: 1000 })
  bench.add('acquire and succeed, with rates', () => rates.tryAcquire().success(5))
  bench.add('acquire and succeed slowly now and then, with rates', slowlyNowAndThen(rates))
  const open = new SinkCircuitBreaker('sink', {})
  open.forceOpen()
  bench.add('refused while open', () => open.tryAcquire())
}

function slowlyNowAndThen (breaker) {
  let attempts = 0
  return () => breaker.tryAcquire().success(++attempts % 10 === 0 ? 2000 : 5)
}
