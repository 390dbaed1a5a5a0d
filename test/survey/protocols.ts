import { decode } from '@msgpack/msgpack'

/** What an HTTP backend is asked: a body that is unpacked already, and where it was sent to. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly body: Buffer
}

/** What it answers while it is well. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** How a backend of one kind reads what it is sent, and what it says to that. */
export interface Protocol {
  /** The messages of the records in a body, in their order. */
  readonly messages: (asked: Asked) => readonly unknown[]
  readonly answer: (asked: Asked) => Answer
}

const json = { 'content-type': 'application/json' }

/** The HTTP protocols of the transports that are surveyed. */
export const protocols = {
  loki: {
    messages: ({ body }) => parse<{ streams: Array<{ values: Array<[time: string, line: string]> }> }>(body).streams
      .flatMap(({ values }) => values.map(([, line]) => (JSON.parse(line) as { msg: unknown }).msg)),
    answer: () => ({ status: 204 })
  },
  elasticsearch: {
    messages: asked => documents(asked).map(({ msg }) => msg),
    answer: asked => ({
      status: 200,
      headers: { ...json, 'x-elastic-product': 'Elasticsearch' },
      body: JSON.stringify({ took: 1, errors: false, items: documents(asked).map(() => ({ index: { status: 201 } })) })
    })
  },
  logtail: {
    messages: ({ body }) => (decode(body) as Array<{ message: unknown }>).map(({ message }) => message),
    answer: () => ({ status: 202 })
  },
  axiom: {
    messages: ({ body }) => ndjson<{ msg: unknown }>(body).map(({ msg }) => msg),
    answer: ({ body }) => ({ status: 200, headers: json, body: JSON.stringify({ ingested: ndjson(body).length, failed: 0, processedBytes: body.length, blocksCreated: 0, walLength: 0 }) })
  },
  datadog: {
    messages: ({ body }) => parse<Array<{ message: string }>>(body).map(({ message }) => (JSON.parse(message) as { msg: unknown }).msg),
    answer: () => ({ status: 202, headers: json, body: '{}' })
  },
  otlp: {
    messages: ({ body }) => parse<{ resourceLogs: Array<{ scopeLogs: Array<{ logRecords: Array<{ body: { stringValue: string } }> }> }> }>(body).resourceLogs
      .flatMap(({ scopeLogs }) => scopeLogs)
      .flatMap(({ logRecords }) => logRecords.map(({ body }) => body.stringValue)),
    answer: () => ({ status: 200, headers: json, body: '{}' })
  },
  seq: {
    messages: ({ body }) => parse<{ Events: Array<{ MessageTemplate: unknown }> }>(body).Events.map(event => event.MessageTemplate),
    answer: () => ({ status: 201, headers: json, body: '{}' })
  },
  // An envelope: a line of headers, then for each item a line about it and its payload.
  sentry: {
    messages: ({ body }) => ndjson<{ message?: unknown }>(body).flatMap(({ message }) => message ?? []),
    answer: () => ({ status: 200, headers: json, body: '{}' })
  }
} satisfies Record<string, Protocol>

export type ProtocolName = keyof typeof protocols

function parse<T> (body: Buffer): T {
  return JSON.parse(body.toString()) as T
}

function ndjson<T> (body: Buffer): T[] {
  return body.toString().split('\n').filter(line => line !== '').map(line => JSON.parse(line) as T)
}

/** A bulk body has two lines for each document: what to do with it, and the document. */
function documents ({ path, body }: Asked): Array<{ msg: unknown }> {
  return path.startsWith('/_bulk') ? ndjson<{ msg: unknown }>(body).filter((_, n) => n % 2 === 1) : []
}
