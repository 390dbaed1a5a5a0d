import { app } from '../runner/commands.js'

const route = (plan, size) => app('route', { side: 'fanout', sink: 'takes-text', chunkBytes: 65536, levels: ['trace', 'info', 'error'], ...plan, ...size })

export default {
  title: 'Routing by a match',
  what: 'As the first scenario. A hundredth of the lines has `module: "audit"`. The second sink takes every line from `info` on, or only those.',
  quick: { megabytes: 128 },
  full: { megabytes: 512 },
  sides: {
    levels: { label: 'by level', command: ({ size }) => route({ modules: 'some' }, size) },
    match: { label: 'a match, a key of 1% of the lines', command: ({ size }) => route({ modules: 'some', match: true }, size) },
    values: { label: 'a match, a key of all lines and a value of 1%', command: ({ size }) => route({ modules: 'all', match: true }, size) }
  },
  show: ['linesPerSecond', 'cpuNsPerLine'],
  goals: [
    { measure: 'cpuNsPerLine', of: 'match', against: 'levels', atMost: 2 },
    { measure: 'nsPerLineAndSink', of: 'match', against: 'levels', atMost: 2 }
  ],
  chart: { kind: 'bars', measure: 'linesPerSecond' }
}
