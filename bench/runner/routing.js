import { app } from './commands.js'

/** A scenario of routing: sinks that do nothing, in one process, fed in the same way as by pino's worker. */
export function routing ({ title, what, levels, sink, timesMore }) {
  const route = (side, megabytes) => app('route', { side, megabytes, levels, sink, chunkBytes: 65536 })
  return {
    title,
    what: `One process, ${what}; chunks of 64 KiB. What pino runs in its worker for \`targets\`, against what we run.`,
    quick: { fanoutMb: 128, pinoMb: 16 },
    full: { fanoutMb: 1024, pinoMb: 64 },
    sides: {
      fanout: { label: 'pino-breaker-fanout', command: ({ size }) => route('fanout', size.fanoutMb) },
      targets: { label: "pino's targets", command: ({ size }) => route('targets', size.pinoMb) }
    },
    show: ['linesPerSecond', 'cpuNsPerLine'],
    goals: [{ measure: 'linesPerSecond', of: 'fanout', against: 'targets', timesMore }],
    chart: { kind: 'bars', measure: 'linesPerSecond' }
  }
}
