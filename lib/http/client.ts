import { Agent as HttpAgent, request as httpRequest, type AgentOptions, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { urlToHttpOptions } from 'node:url'
import { systemClock } from '../clock.js'
import { FanoutError } from '../errors.js'
import { exchange, type Answer, type ExchangeLimits, type NoAnswer } from './exchange.js'
import type { HttpSettings } from './options.js'
import type { Proxy } from './proxy.js'
import { readTls } from './tls.js'
import { createTunnelAgent, type TunnelOptions } from './tunnel-agent.js'

export type { Answer } from './exchange.js'

/** Node.js, Apache and others close an idle connection after 5 s, unless they announce another time. This is less. */
const MAX_IDLE_MS = 4000

/** Result of a request whose connection was broken off before an answer began. */
export interface BrokenOff {
  brokenOff: FanoutError
}

/**
 * Makes POST requests to one backend, over connections that are kept alive. A proxy gets requests to an `http:` backend
 * itself (RFC 9112, 3.2.2), and opens a tunnel to an `https:` backend.
 */
export class HttpClient {
  readonly #settings: HttpSettings
  readonly #agent: HttpAgent
  readonly #request: typeof httpRequest
  readonly #target: RequestOptions
  /** Prefix of the path, and headers, of a request that a proxy forwards; empty for a tunnel and without a proxy. */
  readonly #forwarding: { origin: string, headers: Readonly<Record<string, string>> }
  /** The name of the backend in messages. */
  readonly name: string

  /**
   * @param proxy - The proxy to go through; `undefined` for none.
   * @throws FanoutError `ERR_FANOUT_OPTIONS` if a certificate or a key cannot be read
   */
  constructor (settings: HttpSettings, proxy: Proxy | undefined) {
    const { origin, concurrency, tls } = settings
    const isForwarded = proxy !== undefined && origin.startsWith('http:')
    const { protocol, hostname, port } = urlToHttpOptions(new URL(isForwarded ? proxy.origin : origin))
    this.name = proxy === undefined ? origin : `${origin} (through the proxy at ${proxy.origin})`
    this.#settings = settings
    this.#target = { method: 'POST', protocol, hostname, port } as RequestOptions
    this.#forwarding = isForwarded ? { origin, headers: forwardedHeaders(origin, proxy) } : { origin: '', headers: {} }
    const options: AgentOptions = { keepAlive: true, maxSockets: concurrency, scheduling: 'lifo', timeout: MAX_IDLE_MS }
    if (protocol === 'https:') {
      // The default is the name in a `host` header.
      const servername = isIP(hostname ?? '') === 0 ? hostname ?? '' : ''
      // The settings of TLS are those of the backend, not of the proxy.
      const secured = { ...options, servername, ...!isForwarded && readTls(tls) }
      this.#agent = proxy === undefined || isForwarded ? new HttpsAgent(secured) : createTunnelAgent(proxy, secured)
      this.#request = httpsRequest
    } else {
      this.#agent = new HttpAgent(options)
      this.#request = httpRequest
    }
  }

  /**
   * Sends a request and reads its answer to the end. If the backend closed the connection while it was idle, the request is
   * sent again over a new one.
   *
   * @param mayRepeat - Whether a request that may have arrived can be sent again.
   * @throws the signal's reason; FanoutError `ERR_FANOUT_SINK_REPORTED`, with its `cause`, if there is no whole answer
   */
  async post (path: string, headers: Readonly<Record<string, string>>, body: string | Buffer, signal: AbortSignal, mayRepeat: boolean): Promise<Answer | BrokenOff> {
    const deadline = systemClock.waited() + this.#settings.timeoutMs
    let outcome = await this.#attempt(path, headers, body, signal, deadline)
    if ('error' in outcome && outcome.isStale && mayRepeat) {
      this.#closeIdle()
      outcome = await this.#attempt(path, headers, body, signal, deadline)
    }
    if (!('error' in outcome)) return outcome
    signal.throwIfAborted()
    const { error, isBrokenOff } = outcome
    // The proxy's answer to a request for a tunnel.
    if (error instanceof FanoutError) throw error
    const failure = new FanoutError('ERR_FANOUT_SINK_REPORTED', `no whole answer from ${this.name}: ${messageOf(error)}`, { cause: error })
    if (isBrokenOff) return { brokenOff: failure }
    throw failure
  }

  /** Closes all connections. */
  close (): void {
    this.#agent.destroy()
  }

  async #attempt (path: string, headers: Readonly<Record<string, string>>, body: string | Buffer, signal: AbortSignal, deadline: number): Promise<Answer | NoAnswer> {
    signal.throwIfAborted()
    // Reads the end of an idle connection first, if that has arrived already.
    await new Promise(resolve => setImmediate(resolve))
    signal.throwIfAborted()
    const limits: ExchangeLimits = { signal, deadline, timeoutError: () => timeoutError(this.#settings.timeoutMs) }
    const { origin, headers: forwarded } = this.#forwarding
    const options: TunnelOptions = { ...this.#target, path: origin + path, headers: { ...forwarded, ...headers }, agent: this.#agent, tunnelLimits: limits }
    return await exchange(this.#request(options), body, limits)
  }

  #closeIdle (): void {
    for (const sockets of Object.values(this.#agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy()
    }
  }
}

function forwardedHeaders (origin: string, { authorization }: Proxy): Record<string, string> {
  return { host: new URL(origin).host, ...authorization !== undefined && { 'proxy-authorization': authorization } }
}

function timeoutError (timeoutMs: number): Error {
  return Object.assign(new Error(`it took longer than ${timeoutMs} ms`), { code: 'ETIMEDOUT' })
}

/** A host name with several addresses fails with an `AggregateError` that has no message of its own. */
function messageOf (error: Error): string {
  return error instanceof AggregateError ? (error.errors[0] as Error).message : error.message
}
