import { join } from 'node:path'
import { app, fanoutOf, fileTarget } from '../runner/commands.js'

const arrival = (transport, dir, size) => app('arrival', { transport, file: join(dir, 'a.ndjson'), ...size })
const targets = dir => [fileTarget(dir, 'a'), fileTarget(dir, 'b')]

export default {
  title: 'From the call to the file, at an everyday rate',
  what: 'An app logs 1,000 lines a second, one at a time, to two files: the time from `log.info()` until the line is in the first one.',
  quick: { linesPerSecond: 1000, seconds: 3 },
  full: { linesPerSecond: 1000, seconds: 8 },
  sides: {
    fanout: { label: 'pino-breaker-fanout', command: ({ dir, size }) => arrival(fanoutOf(targets(dir)), dir, size) },
    targets: { label: "pino's targets", command: ({ dir, size }) => arrival({ targets: targets(dir) }, dir, size) }
  },
  show: ['arrivalP50Ms', 'arrivalP99Ms', 'cpuMs'],
  goals: [{ measure: 'arrivalP99Ms', of: 'fanout', against: 'targets', atMostMore: 10 }],
  chart: { kind: 'bars', measure: 'arrivalP99Ms' }
}
