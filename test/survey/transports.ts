import { resolve } from 'node:path'
import type { TargetOptions } from 'pino-breaker-fanout'
import type { BackendPlan } from './backend.js'
import { HTTP_OUTAGES, TCP_OUTAGES, type OutageName } from './outages.js'

/** What is asked of a lane in an outage. */
export type Demand = 'opens' | 'cause' | 'closes' | 'arrives' | 'file'

/** What cannot be had of a transport, and what its user can do. */
export interface Limit {
  readonly demands: readonly Demand[]
  readonly why: string
}

/** A transport as it is surveyed. */
export interface SurveyedTransport {
  readonly name: string
  readonly package: string
  /** What it sends to. */
  readonly backend: BackendPlan | 'rsyslog' | 'disk'
  /** The target of a lane, given where its backend is. */
  readonly target: (address: string) => TargetOptions
  /** For how long it gathers lines before it sends them, or tries to connect before it gives up, as it is set here. */
  readonly batchMs: number
  /** Lines a second in an outage, where it cannot take 200. */
  readonly linesPerSecond?: number
  readonly outages: readonly OutageName[]
  /** By how much each line is made longer in an outage, so that what the system buffers is full soon. */
  readonly paddingBytes?: Partial<Record<OutageName, number>>
  readonly limits?: Partial<Record<OutageName, Limit>>
  /** Lines a second in a healthy run, where it cannot take 5,000. */
  readonly healthyLinesPerSecond?: { readonly lines: number, readonly why: string }
}

const BUFFERS = 'it shows once the buffers of the system are full, and a probe that fits into them looks like success; what stands in them when a peer dies is lost. A `healthCheck` sees a peer that is gone, not one that hangs'

/** Everything that the survey runs; a new transport is a new entry. */
export const transports: readonly SurveyedTransport[] = [
  {
    name: 'pino-loki',
    package: 'pino-loki',
    backend: { kind: 'http', protocol: 'loki' },
    target: address => ({ target: 'pino-loki', options: { host: `http://${address}`, batching: { interval: 1 }, silenceErrors: true } }),
    batchMs: 1000,
    outages: HTTP_OUTAGES
  },
  {
    name: 'pino-elasticsearch',
    package: 'pino-elasticsearch',
    backend: { kind: 'http', protocol: 'elasticsearch' },
    target: address => ({ target: 'pino-elasticsearch', options: { node: `http://${address}`, index: 'logs', flushInterval: 1000, flushBytes: 10000 } }),
    batchMs: 1000,
    outages: HTTP_OUTAGES
  },
  {
    name: '@logtail/pino',
    package: '@logtail/pino',
    backend: { kind: 'http', protocol: 'logtail' },
    target: address => ({
      target: '@logtail/pino',
      options: { sourceToken: 'token', options: { endpoint: `http://${address}`, retryCount: 0, burstProtectionMax: 0, captureStackContext: false } }
    }),
    batchMs: 1000,
    outages: HTTP_OUTAGES
  },
  {
    name: '@axiomhq/pino',
    package: '@axiomhq/pino',
    backend: { kind: 'http', protocol: 'axiom' },
    target: address => ({ target: '@axiomhq/pino', options: { dataset: 'logs', token: 'xaat-token', url: `http://${address}` } }),
    batchMs: 1000,
    outages: HTTP_OUTAGES
  },
  {
    name: 'pino-datadog-transport',
    package: 'pino-datadog-transport',
    backend: { kind: 'http', protocol: 'datadog' },
    target: address => ({
      target: 'pino-datadog-transport',
      options: {
        ddClientConf: { authMethods: { apiKeyAuth: 'key' }, operationServerIndices: { 'v2.LogsApi.submitLog': 1 } },
        ddServerConf: { name: address, protocol: 'http' },
        sendIntervalMs: 1000,
        retries: 0
      }
    }),
    batchMs: 1000,
    outages: HTTP_OUTAGES,
    limits: Object.fromEntries(HTTP_OUTAGES.map(outage => [outage, {
      demands: ['closes'],
      why: 'the probe waits for a new thread, in which its client takes two seconds of CPU time to load, or more. A longer `recoveryTimeoutMs` makes that matter less'
    }]))
  },
  {
    name: 'pino-opentelemetry-transport',
    package: 'pino-opentelemetry-transport',
    backend: { kind: 'http', protocol: 'otlp' },
    target: address => ({
      target: 'pino-opentelemetry-transport',
      options: {
        loggerName: 'survey',
        serviceVersion: '1.0.0',
        logRecordProcessorOptions: {
          recordProcessorType: 'batch',
          exporterOptions: { protocol: 'http/json', httpExporterOptions: { url: `http://${address}/v1/logs` } },
          processorConfig: { scheduledDelayMillis: 1000, maxQueueSize: 100000, maxExportBatchSize: 100000 }
        }
      }
    }),
    batchMs: 1000,
    outages: HTTP_OUTAGES
  },
  {
    name: 'pino-seq',
    package: 'pino-seq',
    backend: { kind: 'http', protocol: 'seq' },
    target: address => ({ target: resolve('test/survey/seq-target.js'), options: { serverUrl: `http://${address}`, maxBatchingTime: 1000, maxRetries: 1 } }),
    batchMs: 1000,
    outages: HTTP_OUTAGES
  },
  {
    name: 'pino-sentry-transport',
    package: 'pino-sentry-transport',
    backend: { kind: 'http', protocol: 'sentry' },
    target: address => ({
      target: 'pino-sentry-transport',
      options: { sentry: { dsn: `http://key@${address}/1`, transportOptions: { bufferSize: 100000 } } }
    }),
    batchMs: 0,
    linesPerSecond: 20,
    outages: HTTP_OUTAGES,
    limits: Object.fromEntries(HTTP_OUTAGES.map(outage => [outage, { demands: ['closes'], why: 'the probe waits for a new thread, in which it takes half a second of CPU time or more to load' }])),
    healthyLinesPerSecond: { lines: 20, why: 'it makes an HTTP request for each line' }
  },
  {
    name: 'pino-socket, TCP',
    package: 'pino-socket',
    backend: { kind: 'tcp' },
    target: address => ({ target: 'pino-socket', options: { mode: 'tcp', ...hostAndPort(address) } }),
    batchMs: 0,
    outages: TCP_OUTAGES,
    paddingBytes: { 'black-hole': 10000 },
    limits: { 'black-hole': { demands: ['opens', 'closes'], why: BUFFERS } }
  },
  {
    name: 'pino-socket, UDP',
    package: 'pino-socket',
    backend: { kind: 'udp' },
    target: address => ({ target: 'pino-socket', options: { mode: 'udp', ...hostAndPort(address) } }),
    batchMs: 0,
    outages: ['absent', 'refused', 'black-hole'],
    limits: {
      'black-hole': {
        demands: ['opens', 'cause', 'closes', 'arrives'],
        why: 'nobody answers to UDP: what nobody reads is gone, and nothing tells. A `healthCheck` of the receiver can'
      }
    }
  },
  {
    name: 'pino-syslog, over pino-socket into rsyslog',
    package: 'pino-syslog',
    backend: 'rsyslog',
    target: address => ({
      pipeline: [
        { target: 'pino-syslog', options: { newline: true } },
        { target: 'pino-socket', options: { mode: 'tcp', ...hostAndPort(address) } }
      ]
    }),
    batchMs: 0,
    outages: ['absent', 'refused', 'black-hole'],
    paddingBytes: { 'black-hole': 10000 },
    limits: { 'black-hole': { demands: ['opens', 'closes'], why: BUFFERS } }
  },
  {
    name: 'pino-mongodb',
    package: 'pino-mongodb',
    backend: { kind: 'mongo' },
    target: address => ({
      target: 'pino-mongodb',
      options: { uri: `mongodb://${address}/logs?directConnection=true`, collection: 'logs', mongoOptions: { serverSelectionTimeoutMS: 1000 } }
    }),
    batchMs: 1000,
    outages: TCP_OUTAGES,
    healthyLinesPerSecond: { lines: 200, why: 'it makes a round trip for each line' }
  },
  {
    name: 'pino-roll',
    package: 'pino-roll',
    backend: 'disk',
    target: address => ({ target: 'pino-roll', options: { file: `${address}/log`, size: '50k' } }),
    batchMs: 2500,
    outages: ['full', 'removed'],
    limits: {
      removed: {
        demands: ['arrives'],
        why: 'it is seen as the next file is opened: what was written before that stands in a file that nobody can find. `mkdir: true` makes the directory anew, with the same loss'
      }
    }
  },
  {
    name: 'pino-pretty',
    package: 'pino-pretty',
    backend: 'disk',
    target: address => ({ target: 'pino-pretty', options: { destination: `${address}/log`, colorize: false, mkdir: true } }),
    batchMs: 0,
    outages: ['full', 'removed'],
    limits: {
      full: { demands: ['cause'], why: 'its pipeline drops the error of its file, so the record says only that it closed' },
      removed: {
        demands: ['opens', 'cause', 'closes', 'arrives'],
        why: 'a file that is open stays one that can be written to. A file that is rolled is opened anew'
      }
    }
  }
]

function hostAndPort (address: string): { address: string, port: number } {
  const [host = '', port] = address.split(':')
  return { address: host, port: Number(port) }
}
