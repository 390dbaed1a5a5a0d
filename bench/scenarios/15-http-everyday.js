import { http } from '../runner/http.js'

export default http({
  title: 'Lines to a backend by HTTP, at an everyday rate',
  what: 'As the scenario before, at 1,000 lines a second. Here all of them gather for a second. `pino/file` to `/dev/null` is what the app and the thread of a transport cost by themselves.',
  quick: { linesPerSecond: 1000, lines: 3000 },
  full: { linesPerSecond: 1000, lines: 8000 },
  show: ['cpuUsPerLine', 'requests', 'bytesPerLine', 'peakRssMb']
})
