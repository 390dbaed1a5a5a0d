import { app, fanoutOf, fileTarget } from '../runner/commands.js'

const NAMES = ['a', 'b', 'c']
const level = 'trace'
const transport = (dir, options) => fanoutOf(NAMES.map(name => fileTarget(dir, name, { name, level })), options)

export default {
  title: 'The monitor, asked for its metrics each second',
  what: 'An app logs to three files as fast as it can, with and without a monitor that another process asks for `/metrics` each second.',
  quick: { lines: 200000 },
  full: { lines: 1500000 },
  sides: {
    off: { label: 'without a monitor', command: ({ dir, size }) => app('monitored', { transport: transport(dir), ...size }) },
    on: { label: 'with a monitor', command: ({ dir, size }) => app('monitored', { transport: transport(dir, { monitor: { port: 0 } }), requestsPerSecond: 1, ...size }) }
  },
  show: ['usedMs', 'usedCpuMs'],
  goals: [{ measure: 'usedMs', of: 'on', against: 'off', atMost: 1.02 }],
  chart: { kind: 'bars', measure: 'usedMs' }
}
