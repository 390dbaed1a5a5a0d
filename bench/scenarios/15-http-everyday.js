import { http } from '../runner/http.js'

export default http({
  title: 'Lines to a backend by HTTP, at an everyday rate',
  what: 'As the scenario before, at 1,000 lines a second. Here the others gather for a second; ours sends what there is as soon as the request before has been answered.',
  quick: { linesPerSecond: 1000, lines: 3000 },
  full: { linesPerSecond: 1000, lines: 8000 },
  show: ['cpuUsPerLine', 'requests', 'bytesPerLine', 'peakRssMb']
})
