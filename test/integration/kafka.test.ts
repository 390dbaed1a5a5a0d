import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import t from 'tap'
import { errors, kafkaNode, kafkaSink, needsKafka, requests, sendBatches, startKafka } from '../support/kafka.js'
import { freePort } from '../support/real-servers.js'
import { startApp, type AppPlan } from '../support/run-app.js'
import { runProcess } from '../support/run-process.js'

const LIMIT_MS = 60000
t.setTimeout(240000)

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
const idsOf = (lines: readonly string[]): number[] => lines.map(line => (JSON.parse(line) as { id: number }).id)

/** An app that logs to the sink. */
function planOf (options: Record<string, unknown>, more: Partial<AppPlan> = {}): AppPlan {
  const targets = [{ name: 'kafka', target: kafkaSink(), options: { topic: 'logs', ...options }, breaker: { failureThreshold: 1, recoveryTimeoutMs: 300 } }]
  return { transport: { target: 'pino-breaker-fanout', options: { targets, metricsIntervalMs: 20, diagnostics: false } }, lines: 2000, ending: 'close', ...more }
}

for (const options of [{}, { compression: 'gzip' }]) {
  t.test(`the brokers have 2,000 lines, each once and in order ${JSON.stringify(options)}`, needsKafka(), async t => {
    const kafka = await startKafka(t)
    await kafka.tell('topic logs 3')
    const { code, breakerEvents, uncaught } = await startApp(planOf({ bootstrapBrokers: kafka.brokers, ...options }), LIMIT_MS, { node: [kafkaNode] }).result
    t.equal(code, 0)
    t.same(uncaught, [])
    t.same(breakerEvents, [])
    t.same(idsOf(await kafka.read('logs')), range(2000))
    t.equal(new Set(await kafka.read('logs', '%h\\n')).size, 2000, 'each has an id of its own')
    t.match((await kafka.read('logs', '%h\\n'))[0], /^id=.+:0$/)
  })
}

t.test('all brokers are away for a while, and have every line in the end', needsKafka(), async t => {
  const kafka = await startKafka(t)
  await kafka.tell('topic logs 3')
  const app = startApp(planOf({ bootstrapBrokers: kafka.brokers }, { awaitTripOf: 'kafka' }), LIMIT_MS, { node: [kafkaNode] })
  await app.logging
  for (const broker of [1, 2, 3]) await kafka.tell(`down ${broker}`)
  await app.tripped
  for (const broker of [1, 2, 3]) await kafka.tell(`up ${broker}`)
  const { code, breakerEvents } = await app.result
  t.equal(code, 0)
  t.match(breakerEvents[0], { to: 'open', reason: 'network' })
  t.same([...new Set(idsOf(await kafka.read('logs')))].sort((a, b) => a - b), range(2000))
})

t.test('the producer is idempotent: it asks for an id, and fails without one', needsKafka(), async t => {
  const kafka = await startKafka(t)
  await kafka.tell('topic logs 1')
  await kafka.tell(`request-error ${requests.initProducerId} ${errors.clusterAuthorizationFailed}`)
  const outcomes = await sendBatches({ bootstrapBrokers: kafka.brokers, topic: 'logs' }, [['{"id":0}'], ['{"id":1}'], ['{"id":2}']])
  t.match(outcomes, [{ code: 'CLUSTER_AUTHORIZATION_FAILED', retryable: true }, null, null])
  t.same(await kafka.read('logs', '%h %s\\n'), ['id=life:1:0 {"id":1}', 'id=life:2:0 {"id":2}'])
})

t.test('what is about the lines is told apart from what is about the cluster', needsKafka(), async t => {
  const kafka = await startKafka(t)
  await kafka.tell('topic logs 1')
  const refusals = { MESSAGE_TOO_LARGE: errors.messageTooLarge, RECORD_LIST_TOO_LARGE: errors.recordListTooLarge, INVALID_RECORD: errors.invalidRecord, INVALID_TIMESTAMP: errors.invalidTimestamp }
  for (const [code, error] of Object.entries(refusals)) {
    await kafka.tell(`request-error ${requests.produce} ${error}`)
    t.match(await sendBatches({ bootstrapBrokers: kafka.brokers, topic: 'logs' }, [['{"id":0}'], ['{"id":1}']]), [{ code, retryable: false }, null])
  }
  await kafka.tell(`request-error ${requests.produce} ${errors.topicAuthorizationFailed}`)
  t.match(await sendBatches({ bootstrapBrokers: kafka.brokers, topic: 'logs' }, [['{"id":0}']]), [{ code: 'TOPIC_AUTHORIZATION_FAILED', retryable: true }])
})

t.test('the client itself sends again what a broker could not take this time', needsKafka(), async t => {
  const kafka = await startKafka(t)
  await kafka.tell('topic logs 1')
  for (const error of [errors.notEnoughReplicas, errors.requestTimedOut]) await kafka.tell(`request-error ${requests.produce} ${error}`)
  t.same(await sendBatches({ bootstrapBrokers: kafka.brokers, topic: 'logs' }, [['{"id":0}', '{"id":1}']]), [null])
  t.same(idsOf(await kafka.read('logs')), [0, 1])

  for (const error of Array(3).fill(errors.notEnoughReplicas)) await kafka.tell(`request-error ${requests.produce} ${String(error)}`)
  t.match(await sendBatches({ bootstrapBrokers: kafka.brokers, topic: 'logs' }, [['{"id":2}'], ['{"id":3}']]), [{ code: 'NOT_ENOUGH_REPLICAS', retryable: true }, null])
})

t.test('where no broker is, it is the network', needsKafka(), async t => {
  const nobody = `127.0.0.1:${await freePort()}`
  t.match(await sendBatches({ bootstrapBrokers: [nobody], topic: 'logs' }, [['{"id":0}']]), [{ code: 'ECONNREFUSED', retryable: true }])
})

t.test('a broker that never answers is given up with the signal, and does not stand in the way of the next batch', needsKafka(), async t => {
  const sockets: Socket[] = []
  const silent = createServer(socket => { sockets.push(socket) }).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => {
    silent.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = silent.address() as AddressInfo
  const outcomes = await sendBatches({ bootstrapBrokers: [`127.0.0.1:${port}`], topic: 'logs', timeout: 4 * LIMIT_MS }, [['{"id":0}'], ['{"id":1}']], 500)
  t.match(outcomes, [{ message: /timeout/, retryable: true }, { message: /timeout/, retryable: true }])
})

t.test('a batch that is too large arrives by halves, each line once', needsKafka(), async t => {
  const kafka = await startKafka(t)
  await kafka.tell('topic logs 1')
  await kafka.tell(`request-error ${requests.produce} ${errors.messageTooLarge}`)
  const { code, lastSnapshot } = await startApp(planOf({ bootstrapBrokers: kafka.brokers }), LIMIT_MS, { node: [kafkaNode] }).result
  t.equal(code, 0)
  t.same(idsOf(await kafka.read('logs')).sort((a, b) => a - b), range(2000))
  t.match(lastSnapshot?.sinks, [{ linesDeadLettered: 0 }])
})

t.test('its types are those of the client and of a delivery sink', needsKafka(), async t => {
  kafkaSink()
  const folder = resolve('.runners')
  const types = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return name
  }
  const check = async (file: string): Promise<string> => {
    const args = [resolve('node_modules/typescript/bin/tsc'), '--ignoreConfig', '--noEmit', '--allowJs', '--checkJs', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--typeRoots', resolve('node_modules/@types'), file]
    return (await runProcess(process.execPath, args, { cwd: folder, limitMs: LIMIT_MS })).stdout
  }
  t.equal(await check('kafka-sink.mjs'), '')
  t.equal(await check(types('good.mts', `import kafkaSink from './kafka-sink.mjs'
    import type { DeliverySink } from 'pino-breaker-fanout'
    export const sink: DeliverySink = kafkaSink({ bootstrapBrokers: ['127.0.0.1:9092'], topic: 'logs', retries: 5, sasl: { mechanism: 'PLAIN', username: 'u', password: 'p' } })`)), '')
  t.match(await check(types('bad.mts', `import kafkaSink from './kafka-sink.mjs'
    kafkaSink({ bootstrapBrokers: ['127.0.0.1:9092'] })
    kafkaSink({ bootstrapBrokers: ['127.0.0.1:9092'], topic: 7 })`)), /bad\.mts\(2,.*topic[^]*bad\.mts\(3,/)
})
