import { app, expectLines, fanoutOf, fileTarget } from '../runner/commands.js'

const NAMES = ['a', 'b', 'c']
const log = (transport, { lines }, more) => app('log', { transport, lines, ...more })
const level = 'trace'

export default {
  title: 'An app to three files',
  what: 'An app logs as fast as it can, waits until all is written, and ends; the whole process is measured, with all that it starts. Three `pino/file` targets, inline, each in a thread or each in a process, against pino with one file and pino\'s `targets` with three.',
  quick: { lines: 40000 },
  full: { lines: 200000 },
  sides: {
    inline: { label: 'pino-breaker-fanout, inline', command: ({ dir, size }) => log(fanoutOf(NAMES.map(name => fileTarget(dir, name, { name, level }))), size) },
    threads: { label: 'pino-breaker-fanout, a thread each', command: ({ dir, size }) => log(fanoutOf(NAMES.map(name => fileTarget(dir, name, { name, level, isolation: 'thread' }))), size) },
    processes: { label: 'pino-breaker-fanout, a process each', command: ({ dir, size }) => log(fanoutOf(NAMES.map(name => fileTarget(dir, name, { name, level, isolation: 'process' }))), size, { startsProcesses: true }) },
    one: { label: 'pino, one file', command: ({ dir, size }) => log(fileTarget(dir, 'a'), size) },
    targets: { label: "pino's targets", command: ({ dir, size }) => log({ targets: NAMES.map(name => fileTarget(dir, name, { level })) }, size) }
  },
  verify (side, { dir, size }) {
    expectLines(dir, Object.fromEntries((side === 'one' ? ['a'] : NAMES).map(name => [name, size.lines])))
  },
  show: ['wallMs', 'cpuMs', 'peakRssMb'],
  goals: [
    { measure: 'wallMs', of: 'inline', against: 'one', atMost: 1.1 },
    { measure: 'cpuMs', of: 'inline', against: 'one', atMost: 1.3 },
    { measure: 'wallMs', of: 'inline', against: 'targets', timesLess: 3 },
    { measure: 'cpuMs', of: 'inline', against: 'targets', timesLess: 2.5 },
    { measure: 'wallMs', of: 'threads', against: 'one', atMost: 1.4 },
    { measure: 'wallMs', of: 'threads', against: 'targets', timesLess: 2 },
    { measure: 'peakRssMb', of: 'inline', against: 'targets', atMost: 1 },
    { measure: 'peakRssMb', of: 'threads', against: 'targets', atMost: 1 }
  ],
  chart: { kind: 'bars', measure: 'wallMs' }
}
