// Writes lines from standard input to three files by level: `cat lines.ndjson | node bench/pipe.js directory`.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

// CommonJS, since Node.js 20 loads it in half the time.
const { default: fanout } = createRequire(import.meta.url)('pino-breaker-fanout')

const dir = process.argv[2] ?? '.'
const targets = ['trace', 'info', 'error'].map(level => ({
  name: level, target: 'pino/file', level, options: { destination: join(dir, `${level}.ndjson`) }
}))
await pipeline(process.stdin, await fanout({ targets }))
