import type { IncomingMessage } from 'node:http'
import { RequestError } from './request-error.js'

/** The largest body that is read. */
export const MAX_BODY_BYTES = 4096
/** A larger body is read to its end up to this size, and thrown away: a client that is still sending may not see an answer. */
const MAX_DISCARDED_BYTES = 64 * 1024

/**
 * Reads the body of a request.
 *
 * @throws {@link RequestError} 413 for a body of more than 4 KiB, 400 for one that is broken off
 */
export async function readBody (request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  await new Promise<void>((resolve, reject) => {
    const tooLarge = (headers?: { connection: string }): void => reject(new RequestError(413, 'body-too-large', `expected a body of at most ${MAX_BODY_BYTES} bytes`, headers))
    if (Number(request.headers['content-length'] ?? 0) > MAX_DISCARDED_BYTES) return tooLarge({ connection: 'close' })
    const brokenOff = (): void => reject(new RequestError(400, 'bad-body', 'the body was broken off'))
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
      else if (bytes > MAX_DISCARDED_BYTES) tooLarge({ connection: 'close' })
    })
    request.once('end', () => { if (bytes > MAX_BODY_BYTES) tooLarge(); else resolve() })
    request.once('error', brokenOff).once('close', brokenOff)
  })
  return Buffer.concat(chunks).toString()
}

/** True if a request has a body, of any size. */
export function hasBody ({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
