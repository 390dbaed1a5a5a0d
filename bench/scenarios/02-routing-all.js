import { routing } from '../runner/routing.js'

export default routing({
  title: 'Splitting, all lines to all, sinks that take strings',
  what: 'three sinks that do nothing and take every line',
  levels: ['trace', 'trace', 'trace'],
  sink: 'takes-text',
  timesMore: 20
})
