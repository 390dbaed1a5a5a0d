import { http } from '../runner/http.js'

export default http({
  title: 'Lines to a backend by HTTP, as fast as it goes',
  what: 'An app logs to a backend that takes everything, until all lines have arrived. The CPU time is that of the app with its transport. pino-loki gathers for 1 s and may buffer all lines; pino-elasticsearch sends 512 KiB at once, as ours does (its default is 1,000 bytes). pino-opentelemetry-transport sends 2,000 lines at once (its default is 512), as JSON like ours, or as Protocol Buffers, which is its default. rsyslog follows the file of the app, and its CPU time and memory are added to those of the app. `pino/file` to `/dev/null` is what the app and the thread of a transport cost by themselves, so it shows no requests.',
  quick: { lines: 20000 },
  full: { lines: 100000 },
  show: ['linesPerSecond', 'cpuUsPerLine', 'requests', 'bytesPerLine', 'peakRssMb', 'readyMs'],
  goals: [
    { measure: 'readyMs', of: 'loki', against: 'pinoLoki', atMost: 1.5 },
    { measure: 'cpuUsPerLine', of: 'otlp', against: 'pinoOpentelemetry', atMost: 0.5 }
  ]
})
