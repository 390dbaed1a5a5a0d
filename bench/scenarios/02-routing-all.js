import { app } from '../runner/commands.js'

const plan = { levels: ['trace', 'trace', 'trace'], sink: 'takes-text', chunkBytes: 65536 }

export default {
  title: 'Splitting, all lines to all, sinks that take strings',
  what: 'One process, three sinks that do nothing and take every line; chunks of 64 KiB. What pino runs in its worker for `targets`, against what we run.',
  quick: { fanoutMb: 128, pinoMb: 16 },
  full: { fanoutMb: 1024, pinoMb: 64 },
  sides: {
    fanout: { label: 'pino-breaker-fanout', command: ({ size }) => app('route', { ...plan, side: 'fanout', megabytes: size.fanoutMb }) },
    targets: { label: "pino's targets", command: ({ size }) => app('route', { ...plan, side: 'targets', megabytes: size.pinoMb }) }
  },
  show: ['linesPerSecond', 'cpuNsPerLine'],
  goals: [{ measure: 'linesPerSecond', of: 'fanout', against: 'targets', timesMore: 20 }],
  chart: { kind: 'bars', measure: 'linesPerSecond' }
}
