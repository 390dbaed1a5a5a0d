import { app, fanoutOf, fileTarget, pathOf } from '../runner/commands.js'

const BYTES_PER_SECOND = 1.5e6
const slow = { target: pathOf('sinks/takes-its-time.js'), options: { bytesPerSecond: BYTES_PER_SECOND } }
const paced = (transport, linesPerSecond, seconds) => app('paced', { transport, linesPerSecond, seconds, endsAtOnce: true })
const fanout = dir => fanoutOf([fileTarget(dir, 'a'), { name: 'slow', ...slow }], { diagnostics: false })

export default {
  title: 'Memory beside a slow sink',
  what: 'An app logs 40,000 lines a second, some 10 MB, to a file and to a sink that takes 1.5 MB a second. The longer it goes on, the more waits: with us in a queue of 16 MiB, which then drops the oldest.',
  quick: { linesPerSecond: 40000, seconds: 4, longer: 8 },
  full: { linesPerSecond: 40000, seconds: 4, longer: 8 },
  sides: {
    fanout: { label: 'pino-breaker-fanout', command: ({ dir, size }) => paced(fanout(dir), size.linesPerSecond, size.seconds) },
    fanoutLonger: { label: 'pino-breaker-fanout, twice as long', command: ({ dir, size }) => paced(fanout(dir), size.linesPerSecond, size.longer) },
    targets: { label: "pino's targets", command: ({ dir, size }) => paced({ targets: [fileTarget(dir, 'a'), slow] }, size.linesPerSecond, size.seconds) },
    targetsLonger: { label: "pino's targets, twice as long", command: ({ dir, size }) => paced({ targets: [fileTarget(dir, 'a'), slow] }, size.linesPerSecond, size.longer) }
  },
  show: ['peakRssMb'],
  goals: [
    { measure: 'peakRssMb', of: 'fanout', against: 'targets', atMost: 1 },
    { measure: 'peakRssMb', of: 'fanoutLonger', against: 'targetsLonger', atMost: 1 },
    { measure: 'peakRssMb', of: 'fanoutLonger', against: 'fanout', atMost: 1.15 }
  ],
  chart: { kind: 'bars', measure: 'peakRssMb' }
}
