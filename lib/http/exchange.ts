import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { systemClock } from '../clock.js'
import { isBreakCode } from '../failure.js'

// A bulk API answers with an item for each line. Other answers are short.
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/** The answer of a backend. */
export interface Answer {
  status: number
  retryAfter: string | undefined
  location: string | undefined
  /** Complete if the status means success; otherwise it may be cut off. */
  body: string
}

/** Result of a request without a whole answer. */
export interface NoAnswer {
  error: Error
  /**
   * Whether the backend, or a proxy before it, broke off an established connection before any part of an answer was read.
   * It may have been unable to take the request.
   */
  isBrokenOff: boolean
  /** Like `isBrokenOff`, for a connection that had been used before: it may have been closed just as the request was sent. */
  isStale: boolean
}

/** Limits of an exchange. */
export interface ExchangeLimits {
  /** Aborts the exchange. */
  signal: AbortSignal
  /** When the exchange must be finished, in waited time. */
  deadline: number
  /** Creates the error with which it fails at the deadline. */
  timeoutError: () => Error
}

/**
 * Sends a request and reads its answer to the end. A backend may answer before it has read the whole body; so this settles
 * once the body is written, too, or the connection is closed. Skips interim answers (1xx). Never rejects.
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
    const abort = (): void => end(toError(signal.reason))
    const cancelDeadline = systemClock.whenWaited(deadline, () => end(timeoutError()))
    signal.addEventListener('abort', abort, { once: true })

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
      failure ??= failureOf('it switched to another protocol without being asked', 'EPROTO')
      socket.destroy()
    })
    request.on('error', error => { failure ??= error })
    // Emitted also if the connection is kept: then everything has been written and read.
    request.once('close', () => {
      cancelDeadline()
      signal.removeEventListener('abort', abort)
      // If an answer of success is cut off, the outcome of the lines is unknown. A failure is clear without the rest.
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
