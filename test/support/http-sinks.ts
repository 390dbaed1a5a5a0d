import type { SendContext, SinkBatch } from 'pino-breaker-fanout'
import { parseHttpOptions, type HttpSettings } from '#lib/http/options'
import { wholeOf, type Part } from '#lib/http/part'
import { textOf } from './arbitrary-lines.js'

/** A batch as a lane makes it. */
export function batchOf (lines: readonly string[], id = 'life:7'): SinkBatch {
  const text = textOf(lines)
  return { id, text, buffer: Buffer.from(text), lines, count: lines.length, bytes: Buffer.byteLength(text) }
}

/** All of a batch, as one request takes it. */
export function partOf (lines: readonly string[], id?: string): Part {
  return wholeOf(batchOf(lines, id))
}

/** A first attempt that nobody gives up. */
export function attempt (signal = new AbortController().signal): SendContext {
  return { signal, attempt: 1, redelivers: true }
}

/** Settings as they come of options, with a URL if they have none. */
export function settingsOf (options: Record<string, unknown>): HttpSettings {
  return parseHttpOptions({ url: 'http://127.0.0.1/logs/_bulk', ...options })
}

/** What `send` rejected with. */
export async function rejectionOf (sent: Promise<void>): Promise<Record<string, unknown> & Error> {
  const outcome = await sent.then(() => undefined, (error: unknown) => error)
  if (!(outcome instanceof Error)) throw new Error('send did not reject')
  return outcome as Record<string, unknown> & Error
}
