// A CommonJS script that logs to a file and to the terminal. Run it: node examples/plain.cjs
const pino = require('pino')

const transport = pino.transport({
  target: 'pino-breaker-fanout',
  options: {
    targets: [
      { target: 'pino/file', options: { destination: 'app.log' } },
      { target: 'pino-pretty', level: 'warn', options: { colorize: false } }
    ],
    breaker: { failureThreshold: 3, recoveryTimeoutMs: 10000 },
    resolveFrom: __filename
  }
})
transport.on('breaker', ({ sink, to, reason }) => {
  console.error(`the circuit of ${sink} is ${to}: ${reason}`)
})

const log = pino(transport)
log.info('this is in the file')
log.warn('this is in the file and on the terminal')
