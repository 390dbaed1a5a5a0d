// How somebody writes a delivery sink, and uses the transport in a thread of their own. Compiled, never run.
import { Writable } from 'node:stream'
import fanout, { type DeadLetter, type DeliverySink, type RefusedLine, type SendRejection, type FanoutSnapshot, type FanoutStream, type SendContext, type SinkBatch } from 'pino-breaker-fanout'
import { sameType } from './expect.js'

export default async function collector ({ url }: { url: string }): Promise<DeliverySink> {
  return {
    async send (batch, { signal, attempt }) {
      sameType<typeof batch, SinkBatch>()
      sameType<typeof signal, AbortSignal>()
      sameType<typeof attempt, number>()
      sameType<typeof batch.lines, readonly string[]>()
      sameType<typeof batch.buffer, Buffer>()
      // @ts-expect-error a batch stays as it is
      batch.text = ''
      await fetch(url, { method: 'POST', body: batch.text, signal })
    },
    async close () {}
  }
}

export class OnlySend implements DeliverySink {
  async send (_batch: SinkBatch, _context: SendContext): Promise<void> {}
}

export function rejection (): Error & SendRejection {
  const refused: RefusedLine[] = [{ line: 0, reason: 'no such field' }, { line: 1, reason: 'too long', status: 413 }]
  // @ts-expect-error why a line was refused has to be said
  const unsaid: RefusedLine = { line: 0 }
  return Object.assign(new Error('no'), { statusCode: 207, retryAfterMs: 100, refused: [...refused, unsaid], retry: [2] })
}

export function lineOf ({ line, attempts, status }: DeadLetter): string {
  sameType<typeof attempts, number>()
  sameType<typeof status, number | undefined>()
  return line
}

// @ts-expect-error `send` tells the outcome by a promise
export const silent: DeliverySink = { send () {} }
// @ts-expect-error a delivery sink can send
export const idle: DeliverySink = { close () {} }

sameType<ReturnType<typeof fanout>, Promise<FanoutStream>>()
export async function inOwnThread (): Promise<Writable> {
  // @ts-expect-error there is no such option
  await fanout({ targets: [{ target: 'pino/file' }], breakers: {} })
  const stream = await fanout({ targets: [{ target: 'pino/file' }] })
  sameType<ReturnType<typeof stream.snapshot>, FanoutSnapshot>()
  return stream
}
