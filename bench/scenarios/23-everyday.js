import { pathToFileURL } from 'node:url'
import { app, fanoutOf, pathOf } from '../runner/commands.js'

const file = { target: 'pino/file', options: { destination: '/dev/null' } }
const rates = [
  { sink: 'discards', linesPerSecond: 100 },
  { sink: 'discards', linesPerSecond: 1000 },
  { sink: 'discards', linesPerSecond: 5000 },
  { sink: 'reads-lines', linesPerSecond: 1000 }
]
const labelOf = ({ sink, linesPerSecond }) => `${linesPerSecond.toLocaleString('en')} lines/s${sink === 'reads-lines' ? ', made by pino-abstract-transport' : ''}`
const keyOf = ({ sink, linesPerSecond }) => `${sink === 'reads-lines' ? 'lines' : 'discards'}${linesPerSecond}`

/** A side of the comparison: an app that logs at this rate to a file and one other sink. */
function side (rate, isOurs) {
  const targets = [{ target: pathToFileURL(pathOf(`sinks/${rate.sink}.js`)).href }, file]
  const transport = isOurs ? fanoutOf(targets) : { targets }
  return {
    label: `${isOurs ? 'pino-breaker-fanout' : "pino's targets"}, ${labelOf(rate)}`,
    command: ({ size }) => app('everyday', { transport, linesPerSecond: rate.linesPerSecond, ...size })
  }
}

export default {
  title: 'A file and one other sink, at everyday rates',
  what: 'An app logs single lines at a steady rate to `/dev/null` by `pino/file`, and to a sink that takes everything: a plain Writable, or one made by pino-abstract-transport. Shown is the CPU of the whole process, without its start.',
  quick: { seconds: 3 },
  full: { seconds: 5 },
  sides: Object.fromEntries(rates.flatMap(rate => [[`${keyOf(rate)}Ours`, side(rate, true)], [`${keyOf(rate)}Pino`, side(rate, false)]])),
  show: ['corePercent'],
  goals: rates.map(rate => ({ measure: 'corePercent', of: `${keyOf(rate)}Ours`, against: `${keyOf(rate)}Pino`, atMost: 1.05 })),
  chart: { kind: 'bars', measure: 'corePercent' }
}
