import { app } from '../runner/commands.js'

export default {
  title: 'How soon an outage is noticed, and its end',
  what: 'A delivery sink posts to a server that answers 503 for a while. From the answer that reaches the threshold until the app is told that the breaker is open; and from the end of `recoveryTimeoutMs` until the first lines arrive.',
  quick: { recoveryTimeoutMs: 500 },
  full: { recoveryTimeoutMs: 1000 },
  sides: {
    fanout: { label: 'pino-breaker-fanout', command: ({ size }) => app('outage', size) }
  },
  show: ['openDelayMs', 'recoveryDelayMs'],
  goals: [
    { measure: 'openDelayMs', of: 'fanout', atMost: 100 },
    { measure: 'recoveryDelayMs', of: 'fanout', atMost: 100 }
  ]
}
