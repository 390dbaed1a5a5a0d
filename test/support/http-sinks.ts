import type { SendContext, SinkBatch } from 'pino-breaker-fanout'
import { parseHttpOptions, type HttpSettings } from '#lib/http/options'
import { idOfEach } from '#lib/line-ids'
import { wholeOf, type BatchPart } from '#lib/http/batch-part'
import { BodyWriter } from '#lib/http/body-writer'
import type { Format } from '#lib/http/formats/format'
import { textOf } from './arbitrary-lines.js'

/** A batch like those of a lane. */
export function batchOf (lines: readonly string[], id = 'life:7'): SinkBatch {
  const text = textOf(lines)
  const buffer = Buffer.from(text)
  return { id, text, buffer, lines, lineIds: idOfEach({ id }, buffer, lines.length), count: lines.length, bytes: buffer.length }
}

/** A whole batch as one part. */
export function partOf (lines: readonly string[], id?: string): BatchPart {
  return wholeOf(batchOf(lines, id))
}

/** A first attempt that is not aborted. */
export function attempt (signal = new AbortController().signal): SendContext {
  return { signal, attempt: 1, redelivers: true }
}

/** Settings from options, with a default URL. */
export function settingsOf (options: Record<string, unknown>): HttpSettings {
  return parseHttpOptions({ url: 'http://127.0.0.1/logs/_bulk', ...options })
}

/** The error with which `send` rejected. */
export async function rejectionOf (sent: Promise<void>): Promise<Record<string, unknown> & Error> {
  const outcome = await sent.then(() => undefined, (error: unknown) => error)
  if (!(outcome instanceof Error)) throw new Error('send did not reject')
  return outcome as Record<string, unknown> & Error
}

/** The body of a request. */
export function bodyOf ({ encode }: Pick<Format, 'encode'>, part: BatchPart): Buffer {
  const body = new BodyWriter()
  encode(part, body)
  return body.bytes
}
