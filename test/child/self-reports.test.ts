import t, { type Test } from 'tap'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { listenToSelf } from '#lib/child/self-reports'

type Options = Record<string, (error: unknown) => void> & { loggerOpts?: Options }

interface Diag {
  error (message: string): void
  warn (message: string): void
  setLogger (logger: Record<string, (message: string) => void>): boolean
}

const GLOBAL_API = Symbol.for('opentelemetry.js.api.1')
const api = globalThis as { [GLOBAL_API]?: unknown }

/** The options with which a transport of a package is started, and its reports. */
function listen (name: string, options: unknown = {}) {
  const reported: unknown[] = []
  const completed = listenToSelf({ file: join('/app/node_modules', name, 'index.js') }, options, 'x', error => reported.push(error)) as Options
  return { reported, completed }
}

/** Listens to the diag of the real API, and resets it afterwards. */
function listenToDiag (t: Test) {
  const before = api[GLOBAL_API]
  delete api[GLOBAL_API]
  t.teardown(() => { api[GLOBAL_API] = before })
  const file = createRequire(import.meta.url).resolve('pino-opentelemetry-transport')
  const reported: Array<{ message: string, statusCode?: number, code?: string }> = []
  const start = () => listenToSelf({ file: pathToFileURL(file).href }, undefined, 'x', error => reported.push(error as typeof reported[number]))
  const { diag } = createRequire(file)('@opentelemetry/api') as { diag: Diag }
  return { start, reported, diag }
}

t.test('a transport that has a callback for errors is given one', async t => {
  const { completed, reported } = listen('pino-datadog-transport', { service: 'app' })
  t.equal(completed['service'], 'app')
  const error = new Error('no')
  completed['onError']?.(error)
  t.same(reported, [error])
})

t.test('also deep in its options, and with none given', async t => {
  const said: unknown[] = []
  const { error } = console
  console.error = (...args: unknown[]) => { said.push(...args) }
  t.teardown(() => { console.error = error })
  const { completed, reported } = listen('@autotelic/pino-seq-transport', undefined)
  completed.loggerOpts?.['onError']?.('no')
  t.same(reported, ['no'])
  t.same(said, ['no'], 'and what it said by console.error before is still said')
})

t.test('a callback of the user is left alone', async t => {
  const options = { onError () {} }
  t.equal(listen('@axiomhq/pino', options).completed, options)
})

t.test('what is no failure is not reported', async t => {
  const { completed, reported } = listen('pino-datadog-transport')
  completed['onError']?.(new Error('Log entry exceeds size limit of 996147 bytes: 1000000'))
  t.same(reported, [])
})

t.test('a transport that is not known is given its options as they are', async t => {
  const options = {}
  t.equal(listen('pino-loki', options).completed, options)
  t.equal(listenToSelf({ file: '/app/pino-datadog-transport/index.js', target: './pino-datadog-transport' }, options, 'x', () => {}), options, 'by its package, not by any folder')
})

t.test('diag', async t => {
  t.test('is listened to, with the status or the code that it tells', async t => {
    const { start, reported, diag } = listenToDiag(t)
    t.equal(start(), undefined)
    diag.error(JSON.stringify({ name: 'OTLPExporterError', message: 'Unauthorized', code: '401' }))
    diag.error(JSON.stringify({ message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' }))
    diag.error(JSON.stringify({ message: '14 UNAVAILABLE', code: '14' }))
    diag.error('in words')
    diag.warn('no failure')
    t.match(reported, [
      { message: /Unauthorized/, statusCode: 401 },
      { message: /connect/, code: 'ECONNREFUSED' },
      { message: /14 UNAVAILABLE/, code: '14' },
      { message: /in words/, code: 'ERR_FANOUT_SINK_REPORTED' }
    ])
    t.equal(reported.length, 4)
  })

  t.test('is left to who has set its logger before', async t => {
    const { start, reported, diag } = listenToDiag(t)
    const said: string[] = []
    const logger = { error: (message: string) => { said.push(message) }, warn () {}, info () {}, debug () {}, verbose () {} }
    diag.setLogger(logger)
    start()
    diag.error('no')
    t.same(said, ['no'])
    t.same(reported, [])
  })

  t.test('that is not there is done without', async t => {
    const { completed, reported } = listen('pino-opentelemetry-transport')
    t.same(completed, {})
    t.same(reported, [])
  })
})

t.test('in a bundle, a transport is recognized by the name of its target', async t => {
  t.match(listenToSelf({ file: '/app/dist/pino-datadog-transport.js', target: 'pino-datadog-transport' }, {}, 'x', () => {}), { onError: Function })
})
