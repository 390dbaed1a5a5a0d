import { app, expectLines, fanoutOf, fileTarget, pathOf } from '../runner/commands.js'

const BYTES_PER_SECOND = 12e6
const level = 'trace'
const log = (transport, { lines }) => app('log', { transport, lines })
// Records of drops would be lines of the file, too.
const options = { diagnostics: false }
const slow = sink => ({ target: pathOf('sinks/takes-its-time.js'), options: { bytesPerSecond: BYTES_PER_SECOND }, level, ...sink })

export default {
  title: 'Memory beside a slow sink',
  what: 'A file, and a sink that takes 12 MB a second, less than the app logs. The longer it goes on the more waits somewhere: with us in a bounded queue.',
  quick: { lines: 150000, longer: 300000 },
  full: { lines: 200000, longer: 400000 },
  sides: {
    fanout: { label: 'pino-breaker-fanout', command: ({ dir, size }) => log(fanoutOf([fileTarget(dir, 'a', { level }), slow({ name: 'slow' })], options), size) },
    fanoutLonger: { label: 'pino-breaker-fanout, twice the lines', command: ({ dir, size }) => log(fanoutOf([fileTarget(dir, 'a', { level }), slow({ name: 'slow' })], options), { lines: size.longer }) },
    targets: { label: "pino's targets", command: ({ dir, size }) => log({ targets: [fileTarget(dir, 'a', { level }), slow()] }, size) }
  },
  verify (side, { dir, size }) {
    expectLines(dir, { a: side === 'fanoutLonger' ? size.longer : size.lines })
  },
  show: ['peakRssMb', 'wallMs'],
  goals: [
    { measure: 'peakRssMb', of: 'fanout', against: 'targets', atMost: 1 },
    { measure: 'peakRssMb', of: 'fanoutLonger', against: 'fanout', atMost: 1.25 }
  ],
  chart: { kind: 'bars', measure: 'peakRssMb' }
}
