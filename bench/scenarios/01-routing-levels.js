import { routing } from '../runner/routing.js'

export default routing({
  title: 'Splitting and routing by level, sinks that take strings',
  what: 'three sinks that do nothing, at `trace`, `info` and `error`',
  levels: ['trace', 'info', 'error'],
  sink: 'takes-text',
  timesMore: 15
})
