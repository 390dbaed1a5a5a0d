import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import pino from 'pino'

const RECOVERY_TIMEOUT_MS = 2000

/**
 * A web app that logs three lines for each request, each with a running number, to a file and to a collector. What the
 * transport itself has to say goes to the terminal.
 */
export function createApp ({ file, collectorUrl, colorize, metricsIntervalMs }) {
  const transport = pino.transport({
    target: 'pino-breaker-fanout',
    options: {
      targets: [
        { name: 'file', target: 'pino/file', options: { destination: file, append: false } },
        { name: 'collector', target: fileURLToPath(new URL('collector-sink.js', import.meta.url)), options: { url: collectorUrl } },
        {
          name: 'terminal',
          target: 'pino-pretty',
          level: 'silent',
          options: { colorize, hideObject: true, ignore: 'pid,hostname', messageFormat: '{msg}{if sink}: {sink} ({reason}){end}' },
          // pino-pretty proves nothing: what it has accepted counts as delivered after a quiet second.
          breaker: { settleMs: 1000 }
        }
      ],
      breaker: { failureThreshold: 3, recoveryTimeoutMs: RECOVERY_TIMEOUT_MS },
      diagnostics: { to: ['terminal'] },
      monitor: { port: 0 },
      metricsIntervalMs
    }
  })

  let linesLogged = 0
  const logger = pino({ mixin: () => ({ line: ++linesLogged }) }, transport)
  const app = Fastify({ loggerInstance: logger })
  app.get('/orders/:id', async (request) => {
    request.log.info({ order: request.params.id }, 'order looked up')
    return { order: request.params.id, state: 'shipped' }
  })

  return { app, transport, recoveryTimeoutMs: RECOVERY_TIMEOUT_MS, countLines: () => linesLogged }
}
