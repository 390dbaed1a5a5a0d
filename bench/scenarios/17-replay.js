import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { app } from '../runner/commands.js'
import { canLimitMemory, limitMemory } from '../runner/memory-limit.js'

const replay = plan => app('replay', plan)
const copied = ({ dir, shared, size }) => ({ folder: join(dir, 'spool'), from: join(shared, 'filled'), megabytes: size.megabytes })

export default {
  title: 'The replay of a spool',
  what: 'An app finds a spool at its start, and delivers it to a sink that takes everything. The time begins with the transport. With a limit, the process and the files that the system keeps in memory for it have half as much memory as the spool has bytes, so that the disk is read; the last side only reads the files.',
  quick: { megabytes: 128, limitMb: 128 },
  full: { megabytes: 1024, limitMb: 512 },
  prepare (dir, { megabytes }) {
    const { argv: [node, ...args] } = replay({ folder: join(dir, 'filled'), megabytes, fills: true })
    execFileSync(node, args, { stdio: ['ignore', 'ignore', 'inherit', 'ignore'] })
  },
  sides: {
    fanout: { label: 'pino-breaker-fanout', command: run => replay(copied(run)) },
    ...(canLimitMemory && {
      limited: { label: 'pino-breaker-fanout, little memory', command: run => limitMemory(replay(copied(run)), run.size.limitMb) },
      reads: { label: 'reading the files, little memory', command: run => limitMemory(replay({ ...copied(run), reads: true }), run.size.limitMb) }
    })
  },
  show: ['megabytesPerSecond', 'peakRssMb'],
  goals: ['fanout', ...(canLimitMemory ? ['limited'] : [])].map(of => ({ measure: 'megabytesPerSecond', of, atLeast: 105 }))
}
