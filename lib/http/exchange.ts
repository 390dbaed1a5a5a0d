import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { systemClock } from '../clock.js'
import { isBreakCode } from '../failure.js'

// The answer of a bulk API tells of every line; all others are short.
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/** What a backend answered. */
export interface Answer {
  status: number
  retryAfter: string | undefined
  location: string | undefined
  /** Whole, if the status is one of success. */
  body: string
}

/** Why there is no whole answer. */
export interface NoAnswer {
  error: Error
  /**
   * The backend, or a proxy before it, broke off a connection that was established, and no part of an answer has been
   * read: it may have been unable to take the request.
   */
  isBrokenOff: boolean
  /** `isBrokenOff`, and the connection had been used before: it may have been closed as the request was made. */
  isStale: boolean
}

/** Limits of an exchange. */
export interface ExchangeLimits {
  /** Ends it. */
  signal: AbortSignal
  /** When it must be over, in waited time. */
  deadline: number
  /** What it fails with once that time has passed. */
  timeoutError: () => Error
}

/**
 * Sends a request and reads its answer to the end. Settles only once nothing of the body is still to be written, as a
 * backend may answer before it has read all of it, or once the connection has been closed. Interim answers (1xx) are
 * passed over. Never rejects.
 */
export async function exchange (request: ClientRequest, body: string | Buffer, { signal, deadline, timeoutError }: ExchangeLimits): Promise<Answer | NoAnswer> {
  return await new Promise(resolve => {
    const chunks: Buffer[] = []
    let bytes = 0
    let response: IncomingMessage | undefined
    let isEstablished = false
    let isEnded = false
    let failure: Error | undefined

    const end = (error: Error): void => {
      isEnded = true
      failure ??= error
      request.destroy(error)
    }
    const giveUp = (): void => end(toError(signal.reason))
    const cancelDeadline = systemClock.whenWaited(deadline, () => end(timeoutError()))
    signal.addEventListener('abort', giveUp, { once: true })

    request.on('socket', (socket: Socket) => {
      if (request.reusedSocket) isEstablished = true
      else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => { isEstablished = true })
    })
    request.on('response', message => {
      response = message
      message.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > MAX_ANSWER_BYTES) end(failureOf(`its answer has more than ${MAX_ANSWER_BYTES} bytes`, 'EPROTO'))
        else chunks.push(chunk)
      })
      message.on('error', error => { failure ??= error })
    })
    request.on('upgrade', (_message, socket) => {
      isEnded = true
      failure ??= failureOf('it switched to another protocol, which nobody had asked for', 'EPROTO')
      socket.destroy()
    })
    request.on('error', error => { failure ??= error })
    // Also emitted when a connection is kept: then all has been written and read.
    request.once('close', () => {
      cancelDeadline()
      signal.removeEventListener('abort', giveUp)
      // An answer of success that breaks off leaves open what became of the lines; one of failure means the same without its end.
      const { statusCode = 0, headers, complete } = response ?? {}
      if (headers !== undefined && (complete === true || statusCode >= 300)) {
        return resolve({ status: statusCode, retryAfter: headers['retry-after'], location: headers.location, body: Buffer.concat(chunks).toString() })
      }
      const error = failure ?? failureOf('the connection was closed', 'ECONNRESET')
      const isBrokenOff = !isEnded && isEstablished && response === undefined && isBreakCode((error as NodeJS.ErrnoException).code)
      resolve({ error, isBrokenOff, isStale: isBrokenOff && request.reusedSocket })
    })
    request.end(body)
  })
}

function failureOf (message: string, code: string): Error {
  return Object.assign(new Error(message), { code })
}

function toError (reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
