// A sink is written for pino, which runs it in a thread-stream worker. In a thread of ours, and in a process, it finds the same.
import { join } from 'node:path'
import t from 'tap'
import ThreadStream from 'thread-stream'
import type { ChildSource } from '#lib/child/child'
import { ProcessChild } from '#lib/child/process-child'
import { ThreadChild } from '#lib/child/thread-child'
import { deaf } from '../support/deaf-listener.js'

const modules = {
  'tells.mjs': `
    import { Writable } from 'node:stream'
    import { isMainThread, parentPort, workerData } from 'node:worker_threads'
    const tell = (name, ...args) => parentPort.postMessage({ code: 'EVENT', name, args })
    export default () => {
      const { $context, pinoWillSendConfig } = workerData.workerData
      tell('found', { isMainThread, pinoWillSendConfig, context: typeof $context })
      parentPort.once('message', message => tell('got', message))
      parentPort.postMessage({ code: 'EVENT', name: 'one', args: 1 })
      parentPort.postMessage({ unknown: 'to the protocol' })
      return new Writable({ write (chunk, encoding, done) { done() } })
    }`
}
const EVENTS = ['found', 'one', 'got']
const config = { messageKey: 'message', errorKey: 'error' }

type Told = Record<string, readonly unknown[]>

for (const [place, Child] of [['thread', ThreadChild], ['process', ProcessChild]] as const) {
  t.test(`a sink in a ${place} of its own finds what it finds under pino, and can say the same`, async t => {
    const file = join(t.testdir(modules), 'tells.mjs')
    t.strictSame(await toldByChild(Child, file), await toldByThreadStream(file))
  })
}

async function toldByThreadStream (file: string): Promise<Told> {
  const stream = new ThreadStream({ filename: file, workerData: { pinoWillSendConfig: true } })
  const told: Told = {}
  await new Promise<void>((resolve, reject) => {
    stream.on('error', reject)
    for (const event of EVENTS) {
      stream.on(event, (...args: unknown[]) => {
        told[event] = args
        if (event === 'got') resolve()
      })
    }
    stream.emit('message', { code: 'PINO_CONFIG', config })
  })
  stream.end()
  return told
}

async function toldByChild (Child: typeof ThreadChild | typeof ProcessChild, file: string): Promise<Told> {
  const source: ChildSource = {
    sink: 'x',
    entries: [{ file, isPinoFile: false, options: {} }],
    isPipeline: false,
    redelivers: true,
    failureEvents: [],
    sense: false,
    writeTimeoutMs: 10000,
    willSendConfig: true
  }
  const told: Told = {}
  await new Promise<void>((resolve, reject) => {
    const child = new Child(source, {}, {
      ...deaf,
      onFailure: ({ err }) => reject(new Error(err.message)),
      onEvent: (name, args) => {
        told[name] = args
        if (name === 'got') resolve()
      }
    })
    t.teardown(() => child.destroy())
    child.configure(config)
  })
  return told
}
