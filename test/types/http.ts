// The options of the HTTP sink, and what the compiler refuses of them. Compiled, never run.
import type { DeliverySink, TargetOptions } from 'pino-breaker-fanout'
import createHttpSink, { type HttpSinkOptions, type Secret } from 'pino-breaker-fanout/http'
import { sameType } from './expect.js'

const everything: HttpSinkOptions = {
  url: 'https://logs.example/in',
  format: 'elasticsearch',
  headers: { 'x-tenant': 'a', 'x-key': { env: 'KEY' }, 'x-other': { file: '/run/key' } },
  auth: { user: 'jo', password: { file: '/run/password' } },
  gzip: { level: 6 },
  timeoutMs: 5000,
  concurrency: 2,
  timeKey: 'at',
  tls: { ca: '/etc/ca.pem', cert: { env: 'CERT' }, key: { file: '/run/key.pem' }, passphrase: 'x', servername: 'logs', rejectUnauthorized: true },
  elasticsearch: { index: 'logs', opType: 'index', ids: true }
}
export const target: TargetOptions = { target: 'pino-breaker-fanout/http', options: everything satisfies HttpSinkOptions }
export const loki: HttpSinkOptions = { url: 'http://loki:3100', format: 'loki', labels: { app: 'shop' }, levelLabel: false, levelKey: 'severity' }
export const splunk: HttpSinkOptions = { url: 'http://splunk:8088', format: 'splunk', auth: { token: 'x', scheme: 'Splunk' }, splunk: { index: 'main', host: 'h', source: 's', sourcetype: '_json' } }

export const otlp: HttpSinkOptions = { url: 'http://collector:4318', format: 'otlp', otlp: { resource: { 'service.name': 'shop' }, traceKeys: { traceId: 'traceId' }, messageKey: 'msg', errorKey: 'err' } }

createHttpSink({ url: 'http://127.0.0.1', gzip: true })
sameType<ReturnType<typeof createHttpSink>, DeliverySink>()
sameType<Secret, string | { env?: string, file?: string }>()

// @ts-expect-error a URL is needed
createHttpSink({})
// @ts-expect-error there is no such format
createHttpSink({ url: 'http://127.0.0.1', format: 'xml' })
// @ts-expect-error there is no such option
createHttpSink({ url: 'http://127.0.0.1', gzipLevel: 5 })
// @ts-expect-error a secret stands in the environment or in a file
createHttpSink({ url: 'http://127.0.0.1', auth: { token: { vault: 'x' } } })
