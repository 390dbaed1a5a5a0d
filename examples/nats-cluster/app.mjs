// An app that logs 10,000 lines in some ten seconds, into the stream and into a file.
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'

const LINES = 10000
const servers = (process.env.NATS_PORTS ?? '4222,4223,4224').split(',').map(port => `127.0.0.1:${port}`)

const transport = pino.transport({
  target: 'pino-breaker-fanout',
  options: {
    metricsIntervalMs: 1000,
    diagnostics: { to: 'stderr' },
    targets: [
      {
        name: 'stream',
        target: 'pino-breaker-fanout/nats',
        options: { servers, stream: 'LOGS', subject: 'logs.{level}.{name}', create: { replicas: 3, subjects: ['logs.>'], duplicateWindowMs: 120000 } },
        whenOpen: 'spool',
        spool: { dir: 'spool' }
      },
      { name: 'file', target: 'pino/file', options: { destination: 'app.log' } }
    ]
  }
})
let snapshot
transport.on('metrics', latest => { snapshot = latest })

const log = pino({ name: 'orders' }, transport)
for (let n = 1; n <= LINES; n++) {
  if (n % 100 === 0) log.error({ n }, 'an order failed')
  else log.info({ n }, 'an order came')
  if (n % 10 === 0) await sleep(10)
}
transport.ref()
transport.end()
transport.once('close', () => {
  for (const { name, linesDelivered } of snapshot.sinks) console.log(`${name}: ${linesDelivered} lines`)
})
