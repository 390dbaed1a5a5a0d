import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { findCommand, needs } from './real-servers.js'
import { nodes } from './nodes.js'
import { runProcess } from './run-process.js'

const LIMIT_MS = 60000
const CLIENT = resolve('.runners/node_modules/@platformatic/kafka')
const isCI = process.env['CI'] !== undefined && process.env['CI'] !== 'false'

/** A Node.js that the client runs on. */
const node = nodes().find(({ name }) => name === 'node 24')!

/** Options of a test that needs the client, a Node.js for it, a broker, or what compiles that. */
export function needsKafka (): { skip: string | false } {
  const missing = [needs('gcc'), needs('kcat'), node.needed].find(({ skip }) => skip !== false)?.skip ?? false
  if (missing !== false || isCI) return { skip: missing }
  if (!existsSync('/usr/include/librdkafka/rdkafka_mock.h')) return { skip: 'librdkafka-dev is not installed: scripts/install-servers.sh' }
  return { skip: !existsSync(CLIENT) && '@platformatic/kafka is not installed: scripts/install-runners.sh' }
}

/** Kinds of requests. */
export const requests = { produce: 0, initProducerId: 22 }

/** Error codes of Kafka's protocol. */
export const errors = { requestTimedOut: 7, messageTooLarge: 10, recordListTooLarge: 18, notEnoughReplicas: 19, topicAuthorizationFailed: 29, clusterAuthorizationFailed: 31, invalidTimestamp: 32, invalidRecord: 87 }

/** Three mock brokers. */
export interface KafkaMock {
  /** Their addresses. */
  readonly brokers: string[]
  /** Gives an order, and waits until it is done: see `test/fixtures/kafka-mock.c`. */
  tell (order: string): Promise<void>
  /** All values in a topic, in the order of a partition, as librdkafka's own consumer reads them; or what a format of kcat gives for each. */
  read (topic: string, format?: string): Promise<string[]>
}

/** Starts the mock, and ends it with the test. */
export async function startKafka (t: Test): Promise<KafkaMock> {
  mkdirSync('build', { recursive: true })
  const program = resolve('build/kafka-mock')
  execFileSync('gcc', ['-O1', '-Wall', '-o', program, resolve('test/fixtures/kafka-mock.c'), '-lrdkafka'])
  const mock = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(async () => {
    const ended = once(mock, 'exit')
    mock.stdin.end()
    await ended
  })
  const answers = createInterface({ input: mock.stdout })[Symbol.asyncIterator]()
  const nextAnswer = async (): Promise<string> => {
    const { value, done } = await answers.next()
    if (done === true) throw new Error('the mock has ended')
    return value
  }
  const brokers = (await nextAnswer()).split(',')
  return {
    brokers,
    async tell (order) {
      mock.stdin.write(`${order}\n`)
      await nextAnswer()
    },
    async read (topic, format = '%s\\n') {
      const args = ['-C', '-q', '-e', '-X', 'check.crcs=true', '-b', brokers.join(','), '-t', topic, '-o', 'beginning', '-f', format]
      const { code, stdout, stderr } = await runProcess(findCommand('kcat')!, args, { cwd: process.cwd(), limitMs: LIMIT_MS })
      if (code !== 0) throw new Error(stderr)
      return stdout.split('\n').slice(0, -1)
    }
  }
}

/** The example, where it finds the client. */
export function kafkaSink (): string {
  const copy = resolve('.runners/kafka-sink.mjs')
  copyFileSync(resolve('examples/kafka-sink.mjs'), copy)
  return pathToFileURL(copy).href
}

/** The path of a Node.js that the client runs on. */
export const kafkaNode = node.path

/** Gives batches to the sink, one after another, and tells what became of each: null, or what it rejected with. */
export async function sendBatches (options: Record<string, unknown>, batches: readonly string[][], timeoutMs = LIMIT_MS): Promise<unknown[]> {
  const plan = JSON.stringify({ sink: kafkaSink(), options, batches, timeoutMs })
  const { code, stdout, stderr } = await runProcess(kafkaNode, [resolve('test/fixtures/app-sends-batches.js'), plan], { cwd: process.cwd(), limitMs: 2 * LIMIT_MS })
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as unknown[]
}
