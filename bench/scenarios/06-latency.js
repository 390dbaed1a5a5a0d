import { app, fanoutOf, fileTarget, pathOf } from '../runner/commands.js'

const paced = (transport, { linesPerSecond, seconds }) => app('paced', { transport, linesPerSecond, seconds })
const hanging = { name: 'hanging', target: pathOf('sinks/hangs.js'), writeTimeoutMs: 1000 }
// Does not wait at the end for the hanging sink's lines, since that is not measured here.
const options = { closeTimeoutMs: 500 }

export default {
  title: 'What the app notices of a sink that hangs',
  what: 'An app logs 20,000 lines a second. With a file and a sink that never calls back (timeouts, trips, probes and drops included), against the same app with the file alone.',
  quick: { linesPerSecond: 20000, seconds: 3 },
  full: { linesPerSecond: 20000, seconds: 5 },
  sides: {
    hung: { label: 'a file, and a sink that hangs', command: ({ dir, size }) => paced(fanoutOf([fileTarget(dir, 'a'), hanging], options), size) },
    healthy: { label: 'a file alone', command: ({ dir, size }) => paced(fanoutOf([fileTarget(dir, 'a')], options), size) }
  },
  show: ['logP50Us', 'logP99Us', 'logP999Us', 'loopP99Ms'],
  goals: [
    { measure: 'logP99Us', of: 'hung', against: 'healthy', atMost: 1.3 },
    { measure: 'logP999Us', of: 'hung', against: 'healthy', atMost: 1.3 },
    { measure: 'loopP99Ms', of: 'hung', against: 'healthy', atMost: 1.3 }
  ],
  chart: { kind: 'bars', measure: 'logP999Us' }
}
