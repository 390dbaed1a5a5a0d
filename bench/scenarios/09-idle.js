import { app, fanoutOf, fileTarget } from '../runner/commands.js'

const NAMES = ['a', 'b', 'c']
const idle = (transport, size) => app('idle', { transport, ...size })

export default {
  title: 'Idle',
  what: 'An app that has logged one line, 12 s ago. `wakeUps` counts how often any thread but the app\'s own has woken up since; thread-stream looks after its buffer every 10 s, and Node itself wakes its threads now and then.',
  quick: { seconds: 10 },
  full: { seconds: 10 },
  sides: {
    fanout: { label: 'pino-breaker-fanout', command: ({ dir, size }) => idle(fanoutOf(NAMES.map(name => fileTarget(dir, name, { name }))), size) },
    targets: { label: "pino's targets", command: ({ dir, size }) => idle({ targets: NAMES.map(name => fileTarget(dir, name)) }, size) }
  },
  show: ['idleCpuMsPerSecond', 'wakeUps'],
  goals: [
    { measure: 'wakeUps', of: 'fanout', against: 'targets', atMost: 1 },
    { measure: 'idleCpuMsPerSecond', of: 'fanout', against: 'targets', atMost: 1 }
  ]
}
