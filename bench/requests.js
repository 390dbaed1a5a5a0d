// Counts the requests that `pino-breaker-fanout/http` makes at everyday rates, with `batch: { maxMs: 0 }`, where lines go as they
// come, and with the default, where they are gathered for up to a second. The backend is an HTTP server in a process of its own.
// Options: `--seconds <n>` a run (20). Needs a build.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'

const RATES = [1, 10, 100, 1000]

if (process.argv[2] === 'backend') serve()
else await measure()

async function measure () {
  const { seconds } = parseArgs({ options: { seconds: { type: 'string', default: '20' } } }).values
  const backend = fork(fileURLToPath(import.meta.url), ['backend'])
  const [port] = await once(backend, 'message')
  console.log(`${seconds} s each, node ${process.version}, ${cpus().length} CPUs, ${new Date().toISOString().slice(0, 10)}`)
  console.log('| lines a second | requests a second with `batch: { maxMs: 0 }` | with the default |\n| ---: | ---: | ---: |')
  for (const rate of RATES) {
    const counts = []
    for (const batch of [{ maxMs: 0 }, undefined]) counts.push(await run(rate, Number(seconds), batch, backend, port))
    console.log(`| ${rate.toLocaleString('en')} | ${counts.map(count => (count / Number(seconds)).toFixed(1)).join(' | ')} |`)
  }
  backend.disconnect()
}

/** Logs at a steady rate. Returns how many requests all lines took, and fails if not each line has arrived once. */
async function run (rate, seconds, batch, backend, port) {
  const target = { target: 'pino-breaker-fanout/http', options: { url: `http://127.0.0.1:${port}` }, ...batch && { batch } }
  const transport = pino.transport({ target: fileURLToPath(import.meta.resolve('pino-breaker-fanout')), options: { targets: [target], diagnostics: false } })
  const log = pino(transport)
  await once(transport, 'ready')
  const lines = rate * seconds
  const start = performance.now()
  for (let n = 0; n < lines; n++) {
    const wait = start + n * 1000 / rate - performance.now()
    if (wait > 0) await sleep(wait)
    log.info({ n }, 'a line of an everyday app')
  }
  await sleep(Math.max(0, start + seconds * 1000 - performance.now()))
  transport.ref?.()
  transport.end()
  await once(transport, 'close')
  backend.send('counts')
  const [counts] = await once(backend, 'message')
  if (counts.lines !== lines) throw new Error(`${counts.lines} of ${lines} lines have arrived`)
  return counts.requests
}

/** Counts requests and lines until it is asked for them. */
function serve () {
  let counts = { requests: 0, lines: 0 }
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    counts.requests++
    counts.lines += body.split('\n').length - 1
    response.writeHead(204).end()
  }).listen(0, '127.0.0.1', () => process.send(server.address().port))
  process.on('message', () => {
    process.send(counts)
    counts = { requests: 0, lines: 0 }
  }).on('disconnect', () => process.exit())
}
