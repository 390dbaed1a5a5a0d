import { app } from '../runner/commands.js'

const COUNTS = [1, 2, 4, 8, 16]

export default {
  title: 'The cost of a sink: how many there are',
  what: 'As the first scenario, with 1 to 16 sinks that take bytes, a third of them at each level. What each sink costs for each line must not grow with their number.',
  quick: { megabytes: 64 },
  full: { megabytes: 256 },
  sides: Object.fromEntries(COUNTS.map(count => [`sinks${count}`, {
    label: `${count} sinks`,
    x: count,
    command: ({ size }) => app('route', {
      side: 'fanout', sink: 'takes-bytes', chunkBytes: 65536, ...size, levels: Array.from({ length: count }, (_, n) => ['trace', 'info', 'error'][n % 3])
    })
  }])),
  show: ['cpuNsPerLine', 'nsPerLineAndSink'],
  goals: [{ measure: 'nsPerLineAndSink', of: 'sinks16', against: 'sinks4', atMost: 1 }],
  chart: { kind: 'line', measure: 'cpuNsPerLine', x: 'sinks' }
}
