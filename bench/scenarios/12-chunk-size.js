import { app } from '../runner/commands.js'

const KILOBYTES = [1, 4, 16, 64, 256, 1024, 4096]

export default {
  title: 'The cost of a sink: how lines are cut into chunks',
  what: 'Three sinks at `trace`, `info` and `error` that take bytes; chunks of 1 KB to 4 MB. A small chunk is what a quiet app sends; there is a turn of the event loop for each.',
  quick: { megabytes: 64 },
  full: { megabytes: 256 },
  sides: Object.fromEntries(KILOBYTES.map(kilobytes => [`kb${kilobytes}`, {
    label: `${kilobytes} KB`,
    x: kilobytes,
    command: ({ size }) => app('route', { side: 'fanout', sink: 'takes-bytes', chunkBytes: kilobytes * 1024, levels: ['trace', 'info', 'error'], ...size })
  }])),
  show: ['cpuNsPerLine'],
  goals: [{ measure: 'cpuNsPerLine', of: 'kb4096', against: 'kb64', atMost: 1.25 }],
  chart: { kind: 'line', measure: 'cpuNsPerLine', x: 'KB in a chunk', isLogarithmic: true }
}
