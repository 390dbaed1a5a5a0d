import { app } from '../runner/commands.js'

const LENGTHS = [100, 300, 1000, 10000, 100000]

export default {
  title: 'The cost of a sink: how long lines are',
  what: 'Three sinks at `trace`, `info` and `error` that take bytes; lines of 100 bytes to 100 KB.',
  quick: { megabytes: 64 },
  full: { megabytes: 256 },
  sides: Object.fromEntries(LENGTHS.map(length => [`bytes${length}`, {
    label: `${length} B`,
    x: length,
    command: ({ size }) => app('route', { side: 'fanout', sink: 'takes-bytes', chunkBytes: 65536, levels: ['trace', 'info', 'error'], lineBytes: length, ...size })
  }])),
  show: ['cpuNsPerLine', 'cpuNsPerKb'],
  goals: [{ measure: 'cpuNsPerKb', of: 'bytes100000', against: 'bytes1000', atMost: 1.5 }],
  chart: { kind: 'line', measure: 'cpuNsPerKb', x: 'bytes in a line', isLogarithmic: true }
}
