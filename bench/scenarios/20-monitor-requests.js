import { app, fanoutOf, fileTarget } from '../runner/commands.js'

const transport = dir => fanoutOf([fileTarget(dir, 'a')], { monitor: { port: 0 } })
const monitored = plan => ({ dir, size }) => app('monitored', { transport: transport(dir), ...size, ...plan })

export default {
  title: 'The monitor, asked 1,000 times a second',
  what: 'Another process asks for `/metrics` 1,000 times a second, for 10 s, while the app logs 1,000 lines a second to a file, or none. What the third side uses is to be compared with the sum of the other two.',
  quick: { seconds: 5 },
  full: { seconds: 10 },
  sides: {
    lines: { label: '1,000 lines a second', command: monitored({ linesPerSecond: 1000, requestsPerSecond: 0 }) },
    requests: { label: '1,000 requests a second', command: monitored({ linesPerSecond: 0, requestsPerSecond: 1000 }) },
    both: { label: 'both', command: monitored({ linesPerSecond: 1000, requestsPerSecond: 1000 }) }
  },
  show: ['usedCpuMs'],
  goals: [],
  chart: { kind: 'bars', measure: 'usedCpuMs' }
}
