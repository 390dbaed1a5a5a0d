import { join } from 'node:path'
import { app, fanoutOf, pathOf } from '../runner/commands.js'

const target = { name: 'backend', target: pathOf('sinks/delivers.js') }
const spooled = (dir, syncMs) => ({ ...target, whenOpen: 'spool', spool: { dir: join(dir, 'spool'), mode: 'always', syncMs } })
const log = (target, lines) => app('log', { transport: fanoutOf([target]), lines })

export default {
  title: 'Every line through the disk',
  what: "An app logs as fast as it can to a delivery sink in a thread of its own, with `mode: 'always'` and without a spool.",
  quick: { lines: 50000 },
  full: { lines: 300000 },
  sides: {
    none: { label: 'no spool', command: ({ size }) => log(target, size.lines) },
    always: { label: "mode: 'always'", command: ({ dir, size }) => log(spooled(dir, 1000), size.lines) },
    alwaysSooner: { label: "mode: 'always', syncMs: 500", command: ({ dir, size }) => log(spooled(dir, 500), size.lines) }
  },
  show: ['wallMs', 'cpuMs', 'peakRssMb'],
  goals: [
    { measure: 'cpuMs', of: 'always', against: 'none', atMost: 1.5 },
    { measure: 'cpuMs', of: 'alwaysSooner', against: 'none', atMost: 1.5 }
  ],
  chart: { kind: 'bars', measure: 'cpuMs' }
}
