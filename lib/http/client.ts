import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildConnector, Pool } from 'undici'
import { FanoutError } from '../errors.js'
import type { HttpSettings } from './options.js'
import { readTls } from './tls.js'

// The answer of a bulk API tells of every line; all others are short.
const MAX_ANSWER_BYTES = 16 * 1024 * 1024
const WRITING_POLL_MS = 10

/** What a backend answered. */
export interface Answer {
  status: number
  retryAfter: string | undefined
  location: string | undefined
  /** Whole, if the status is one of success. */
  body: string
}

/** Connections to one backend, kept alive, and POST requests over them. */
export class HttpClient {
  readonly #settings: HttpSettings
  readonly #pool: Pool
  readonly #sockets = new Set<Socket>()

  /** @throws FanoutError `ERR_FANOUT_OPTIONS` if a certificate or a key cannot be read */
  constructor (settings: HttpSettings) {
    const { origin, concurrency, timeoutMs, tls } = settings
    this.#settings = settings
    const connect = buildConnector({ ...readTls(tls), timeout: timeoutMs })
    this.#pool = new Pool(origin, {
      connections: concurrency,
      connect: (options, callback) => connect(options, (...outcome) => {
        if (outcome[0] === null) this.#watch(outcome[1])
        callback(...outcome)
      }),
      // One deadline for the whole request stands in for both.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: MAX_ANSWER_BYTES
    })
  }

  /**
   * Sends a request, and reads its answer to the end.
   *
   * @throws the signal's reason; FanoutError `ERR_FANOUT_SINK_REPORTED`, with what happened in its cause, if there is no whole answer
   */
  async post (path: string, headers: Readonly<Record<string, string>>, body: string | Buffer, signal: AbortSignal): Promise<Answer> {
    const { origin, timeoutMs } = this.#settings
    const end = new RequestEnd()
    const giveUp = (): void => end.abort(signal.reason)
    const deadline = setTimeout(() => end.abort(timeoutError(timeoutMs)), timeoutMs)
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      signal.throwIfAborted()
      const response = await this.#pool.request({ method: 'POST', path, headers: { ...headers }, body, signal: end })
      return {
        status: response.statusCode,
        retryAfter: first(response.headers['retry-after']),
        location: first(response.headers['location']),
        body: await read(response.body, response.statusCode)
      }
    } catch (error) {
      signal.throwIfAborted()
      throw new FanoutError('ERR_FANOUT_SINK_REPORTED', `no whole answer from ${origin}: ${messageOf(error)}`, { cause: error })
    } finally {
      clearTimeout(deadline)
      signal.removeEventListener('abort', giveUp)
    }
  }

  /**
   * Waits until nothing of a body is still to be written: a backend may answer before it has read all of a request. Never
   * rejects; a connection that takes longer than a request may, or that nobody waits for any more, is closed.
   */
  async finishWriting (signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + this.#settings.timeoutMs
    for (const socket of this.#sockets) {
      while (socket.writableLength > 0 && this.#sockets.has(socket)) {
        if (signal.aborted || performance.now() > deadline) socket.destroy()
        await sleep(WRITING_POLL_MS)
      }
    }
  }

  /** Closes all connections. */
  async close (): Promise<void> {
    await this.#pool.destroy()
  }

  #watch (socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }
}

/** A request's early end, as undici takes it too: of each AbortSignal V8 would promote half a kilobyte to its old generation. */
class RequestEnd extends EventEmitter {
  reason: unknown

  abort (reason: unknown): void {
    this.reason = reason
    this.emit('abort')
  }
}

function timeoutError (timeoutMs: number): Error {
  return Object.assign(new Error(`it took longer than ${timeoutMs} ms`), { code: 'ETIMEDOUT' })
}

/** A body that breaks off leaves open what became of the lines; behind a status of failure it changes nothing. */
async function read (body: AsyncIterable<Buffer>, status: number): Promise<string> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of body) chunks.push(chunk)
  } catch (error) {
    if (status < 300) throw error
  }
  return Buffer.concat(chunks).toString()
}

function first (header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}

/** A name with several addresses fails with an error for each, and no message of its own. */
function messageOf (error: unknown): string {
  const { message } = (error instanceof AggregateError ? error.errors[0] : error) as Error
  return message
}
