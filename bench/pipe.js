// Lines from standard input into three files, by level: `cat lines.ndjson | node bench/pipe.js directory`.
import { pipeline } from 'node:stream/promises'
import { join } from 'node:path'
import fanout from 'pino-breaker-fanout'

const dir = process.argv[2] ?? '.'
const targets = ['trace', 'info', 'error'].map(level => ({
  name: level, target: 'pino/file', level, options: { destination: join(dir, `${level}.ndjson`) }
}))
await pipeline(process.stdin, await fanout({ targets }))
