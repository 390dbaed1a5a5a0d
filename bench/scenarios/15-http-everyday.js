import { app } from '../runner/commands.js'
import http from './14-http.js'

const { loki, pinoLoki, elasticsearch, pinoElasticsearch } = http.sides
const paced = ({ label, command }) => ({ label, command: ({ size: { linesPerSecond, ...size } }) => withRate(command({ size }), linesPerSecond) })

export default {
  title: 'Lines to a backend by HTTP, at an everyday rate',
  what: 'As the scenario before, at 1,000 lines a second. Here the others gather for a second; ours sends what there is as soon as the request before has been answered.',
  quick: { linesPerSecond: 1000, lines: 3000 },
  full: { linesPerSecond: 1000, lines: 8000 },
  sides: { loki: paced(loki), pinoLoki: paced(pinoLoki), elasticsearch: paced(elasticsearch), pinoElasticsearch: paced(pinoElasticsearch) },
  show: ['cpuUsPerLine', 'requests', 'bytesPerLine', 'peakRssMb'],
  goals: [
    { measure: 'cpuUsPerLine', of: 'loki', against: 'pinoLoki', atMost: 0.5 },
    { measure: 'cpuUsPerLine', of: 'elasticsearch', against: 'pinoElasticsearch', atMost: 0.5 }
  ],
  chart: { kind: 'bars', measure: 'cpuUsPerLine' }
}

function withRate ({ argv }, linesPerSecond) {
  return app('http', { ...JSON.parse(argv.at(-1)), linesPerSecond })
}
