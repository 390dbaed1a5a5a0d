import { join } from 'node:path'
import { app, fanoutOf, fileTarget } from '../runner/commands.js'

const NAMES = ['a', 'b', 'c']
const start = (transport, dir) => app('start', { transport, file: join(dir, 'c.ndjson') })

export default {
  title: 'From start to the first line in the file',
  what: 'From the start of the process until its first line stands in the last of three files.',
  quick: {},
  full: {},
  sides: {
    fanout: { label: 'pino-breaker-fanout', command: ({ dir }) => start(fanoutOf(NAMES.map(name => fileTarget(dir, name, { name }))), dir) },
    threads: { label: 'pino-breaker-fanout, a thread each', command: ({ dir }) => start(fanoutOf(NAMES.map(name => fileTarget(dir, name, { name, isolation: 'thread' }))), dir) },
    processes: { label: 'pino-breaker-fanout, a process each', command: ({ dir }) => start(fanoutOf(NAMES.map(name => fileTarget(dir, name, { name, isolation: 'process' }))), dir) },
    targets: { label: "pino's targets", command: ({ dir }) => start({ targets: NAMES.map(name => fileTarget(dir, name)) }, dir) }
  },
  show: ['firstLineMs', 'cpuMs'],
  goals: [
    { measure: 'firstLineMs', of: 'fanout', against: 'targets', atMost: 1.1 },
    { measure: 'firstLineMs', of: 'threads', against: 'targets', atMost: 1.6 }
  ],
  chart: { kind: 'bars', measure: 'firstLineMs' }
}
