import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'

// scripts/host-source.mjs writes it among the compiled modules.
const { source } = await import(pathToFileURL(resolve('build/package/lib/child/host-source.js')).href) as { source: string }

/** Starts the source as a bundle does, with a sink of this code, and returns the first message that is no report. */
async function firstPost (t: Test, name: string, code: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'fanout-host-source-'))
  const file = join(folder, name)
  writeFileSync(file, code)
  const worker = new Worker(source, {
    eval: true,
    workerData: {
      host: {
        source: { sink: 'x', entries: [{ file, isPinoFile: false, options: {} }], isPipeline: false, redelivers: true, failureEvents: [], sense: { console: false }, writeTimeoutMs: 10000, willSendConfig: false },
        ring: new SharedArrayBuffer(1024)
      },
      workerData: { $context: {}, pinoWillSendConfig: false }
    }
  })
  t.teardown(async () => {
    await worker.terminate()
    rmSync(folder, { recursive: true })
  })
  return await new Promise((resolve, reject) => {
    worker.on('error', reject).on('message', (message: { code?: string, report?: { type: string, failure?: unknown } }) => {
      if (message.code !== 'FANOUT_REPORT') resolve(message)
      else if (message.report?.type === 'failure') reject(new Error(JSON.stringify(message.report.failure)))
    })
  })
}

t.test('it needs no file and no package beside it', async t => {
  t.notMatch(source, /require\(['"](?!node:|pino\/file)/)
})

t.test('a sink that is an ES module sees nothing of CommonJS', async t => {
  const post = await firstPost(t, 'sink.mjs', `
    import { parentPort } from 'node:worker_threads'
    export default () => {
      parentPort.postMessage({ code: 'EVENT', globals: ['require', 'module', 'exports', '__filename', '__dirname'].filter(name => name in globalThis) })
      return { send: async () => {} }
    }`)
  t.strictSame(post, { code: 'EVENT', globals: [] })
})

t.test('a sink in CommonJS is loaded too', async t => {
  const post = await firstPost(t, 'sink.cjs', `
    module.exports = () => {
      require('node:worker_threads').parentPort.postMessage({ code: 'EVENT', isFunction: typeof require })
      return { send: async () => {} }
    }`)
  t.strictSame(post, { code: 'EVENT', isFunction: 'function' })
})

t.test('its stack traces name it and its functions', async t => {
  const post = await firstPost(t, 'sink.mjs', `
    import { parentPort } from 'node:worker_threads'
    export default () => ({
      get send () {
        const { stackTraceLimit } = Error
        Error.stackTraceLimit = 50
        parentPort.postMessage({ code: 'EVENT', stack: new Error('here').stack })
        Error.stackTraceLimit = stackTraceLimit
        return async () => {}
      }
    })`)
  t.match((post as { stack: string }).stack, /SinkHost\.start \(pino-breaker-fanout\/thread-host\.js:\d+:\d+\)/)
})
