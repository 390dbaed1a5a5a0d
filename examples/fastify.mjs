// A Fastify app whose log goes to a file and to the terminal. Run it: node examples/fastify.mjs
import Fastify from 'fastify'
import pino from 'pino'

const transport = pino.transport({
  target: 'pino-breaker-fanout',
  options: {
    targets: [
      { target: 'pino/file', options: { destination: 'app.log' } },
      { target: 'pino-pretty', options: { colorize: false } }
    ],
    resolveFrom: import.meta.url
  }
})

const app = Fastify({ logger: { stream: transport } })
app.get('/orders/:id', async (request) => {
  request.log.info({ order: request.params.id }, 'order looked up')
  return { order: request.params.id }
})

await app.listen({ port: Number(process.env.PORT ?? 3000) })
// Once the app is closed, nothing keeps the process alive, and the remaining lines are logged before it ends.
process.on('SIGTERM', () => app.close())
