import { app } from './commands.js'
import { hasOmelasticsearch } from '../servers/rsyslog.js'

const SINKS = {
  none: ['none', 'pino/file to /dev/null'],
  loki: ['loki', 'pino-breaker-fanout/http, format loki'],
  pinoLoki: ['pino-loki', 'pino-loki'],
  elasticsearch: ['elasticsearch', 'pino-breaker-fanout/http, format elasticsearch'],
  pinoElasticsearch: ['pino-elasticsearch', 'pino-elasticsearch'],
  otlp: ['otlp', 'pino-breaker-fanout/http, format otlp'],
  pinoOpentelemetry: ['pino-opentelemetry-transport', 'pino-opentelemetry-transport, JSON'],
  pinoOpentelemetryProtobuf: ['pino-opentelemetry-transport, protobuf', 'pino-opentelemetry-transport, protobuf'],
  ...(hasOmelasticsearch && { omelasticsearch: ['rsyslog', 'pino/file, and rsyslog with omelasticsearch'] })
}

/** A scenario of an app that logs to a backend by HTTP. Its sizes are `lines`, and `linesPerSecond` unless it logs at full speed. */
export function http ({ goals = [], ...scenario }) {
  return {
    ...scenario,
    sides: Object.fromEntries(Object.entries(SINKS).map(([side, [sink, label]]) => [side, { label, command: ({ dir, size }) => app('http', { sink, dir, ...size }) }])),
    goals: [
      { measure: 'cpuUsPerLine', of: 'loki', against: 'pinoLoki', atMost: 0.5 },
      { measure: 'cpuUsPerLine', of: 'elasticsearch', against: 'pinoElasticsearch', atMost: 0.5 },
      ...goals
    ],
    chart: { kind: 'bars', measure: 'cpuUsPerLine' }
  }
}
