import { app } from '../runner/commands.js'

const SINKS = {
  loki: 'pino-breaker-fanout/http, format loki',
  pinoLoki: 'pino-loki',
  elasticsearch: 'pino-breaker-fanout/http, format elasticsearch',
  pinoElasticsearch: 'pino-elasticsearch'
}
const NAMES = { pinoLoki: 'pino-loki', pinoElasticsearch: 'pino-elasticsearch' }

export default {
  title: 'Lines to a backend by HTTP, as fast as it goes',
  what: 'An app logs to a backend that takes everything, until all lines have arrived. The CPU time is that of the app with its transport. pino-loki gathers for 1 s and may buffer all lines; pino-elasticsearch sends 512 KiB at once, as ours does (its default is 1,000 bytes).',
  quick: { lines: 20000 },
  full: { lines: 100000 },
  sides: Object.fromEntries(Object.entries(SINKS).map(([side, label]) => [side, {
    label,
    command: ({ size }) => app('http', { sink: NAMES[side] ?? side, ...size })
  }])),
  show: ['linesPerSecond', 'cpuUsPerLine', 'requests', 'bytesPerLine', 'peakRssMb', 'readyMs'],
  goals: [
    { measure: 'cpuUsPerLine', of: 'loki', against: 'pinoLoki', atMost: 0.5 },
    { measure: 'cpuUsPerLine', of: 'elasticsearch', against: 'pinoElasticsearch', atMost: 0.5 },
    { measure: 'readyMs', of: 'loki', against: 'pinoLoki', atMost: 1.5 }
  ],
  chart: { kind: 'bars', measure: 'cpuUsPerLine' }
}
