// An app whose backend fails and recovers. Measures the time from the failure at the threshold until the breaker is open, and
// the time from the end of `recoveryTimeoutMs` until the first line arrives. The backend is a server in this process, the sink
// a delivery sink in its own thread.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { recordOf } from '../lines.js'
import { tell } from '../runner/tell.js'

const LOG_EVERY_MS = 5
const FAILURE_THRESHOLD = 3

const { recoveryTimeoutMs } = JSON.parse(process.argv[2])
const refusals = []
const arrivals = []
let isDown = false
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    (isDown ? refusals : arrivals).push(performance.now())
    response.writeHead(isDown ? 503 : 200).end()
  })
}).listen(0, '127.0.0.1')
await once(server, 'listening')

const transport = pino.transport({
  target: 'pino-breaker-fanout',
  options: {
    targets: [{
      name: 'collector',
      target: new URL('../sinks/posts.js', import.meta.url).href,
      options: { url: `http://127.0.0.1:${server.address().port}` },
      breaker: { failureThreshold: FAILURE_THRESHOLD, recoveryTimeoutMs }
    }],
    diagnostics: false
  }
})
const log = pino(transport)
await once(transport, 'ready')
let lines = 0
const logging = setInterval(() => log.info(recordOf(lines++), 'request completed'), LOG_EVERY_MS)
while (arrivals.length === 0) await sleep(1)

isDown = true
const openedAt = await timeOf('open')
const tripping = refusals[FAILURE_THRESHOLD - 1]
isDown = false
const before = arrivals.length
while (arrivals.length === before) await sleep(1)
tell({ openDelayMs: openedAt - tripping, recoveryDelayMs: arrivals[before] - openedAt - recoveryTimeoutMs })

// Before the transport ends, which blocks this thread, and with it the server.
clearInterval(logging)
await new Promise(resolve => log.flush(resolve))
transport.ref()
const closed = once(transport, 'close')
transport.end()
await closed
server.close()
server.closeAllConnections()

/** Settles with the time, on this process's clock, at which the breaker reached a state. */
function timeOf (state) {
  return new Promise(resolve => {
    transport.on('breaker', function onBreaker ({ to }) {
      if (to !== state) return
      transport.off('breaker', onBreaker)
      resolve(performance.now())
    })
  })
}
