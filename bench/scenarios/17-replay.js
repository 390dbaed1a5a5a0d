import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { app } from '../runner/commands.js'

const replay = plan => app('replay', plan)

export default {
  title: 'The replay of a spool',
  what: 'An app finds a spool at its start, and delivers it to a sink that takes everything. The time begins with the transport.',
  quick: { megabytes: 64 },
  full: { megabytes: 512 },
  prepare (dir, { megabytes }) {
    const { argv: [node, ...args] } = replay({ folder: join(dir, 'filled'), megabytes, fills: true })
    execFileSync(node, args, { stdio: ['ignore', 'ignore', 'inherit', 'ignore'] })
  },
  sides: {
    fanout: { label: 'pino-breaker-fanout', command: ({ dir, shared, size }) => replay({ folder: join(dir, 'spool'), from: join(shared, 'filled'), ...size }) }
  },
  show: ['megabytesPerSecond', 'peakRssMb'],
  goals: [{ measure: 'megabytesPerSecond', of: 'fanout', atLeast: 105 }]
}
