import { routing } from '../runner/routing.js'

export default routing({
  title: 'Splitting and routing by level, sinks that take bytes',
  what: 'three sinks that do nothing, at `trace`, `info` and `error`',
  levels: ['trace', 'info', 'error'],
  sink: 'takes-bytes',
  timesMore: 10
})
