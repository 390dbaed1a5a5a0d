import { app } from '../runner/commands.js'

const COUNTS = [10, 1000, 100000]

export default {
  title: 'The cost of a line: how many are unsettled',
  what: 'A line through a lane whose sink accepts at once and proves nothing. What a line costs must not grow with the number of lines that the lane holds for a failure.',
  quick: { lines: 200000 },
  full: { lines: 2000000 },
  sides: Object.fromEntries(COUNTS.map(count => [`lines${count}`, {
    label: `${count} lines`,
    x: count,
    command: ({ size }) => app('unsettled', { unsettled: count, ...size })
  }])),
  show: ['cpuNsPerLine'],
  goals: [{ measure: 'cpuNsPerLine', of: 'lines100000', against: 'lines10', atMost: 1.1 }],
  chart: { kind: 'line', measure: 'cpuNsPerLine', x: 'unsettled lines', isLogarithmic: true }
}
