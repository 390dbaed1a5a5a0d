import { request as httpRequest, type AgentOptions, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { urlToHttpOptions } from 'node:url'
import { systemClock } from '../clock.js'
import type { ExchangeLimits } from './exchange.js'
import type { Proxy } from './proxy.js'
import { sendErrorOf } from './send-report.js'
import { isSuccess } from './status.js'

/** Options of a request to an agent of {@link createTunnelAgent}. */
export interface TunnelOptions extends RequestOptions {
  /** The limits of the request for which a tunnel is opened. */
  tunnelLimits: ExchangeLimits
}

/**
 * Creates an agent whose TLS connections go through tunnels of a proxy (RFC 9110, 9.3.6). The proxy sees the host and the port
 * of the target, and none of its headers. The target never sees the credentials of the proxy.
 */
export function createTunnelAgent (proxy: Proxy, options: AgentOptions): HttpsAgent {
  // Not a subclass: that would load node:https together with this module.
  const agent = new HttpsAgent(options)
  const secure = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    const { host = '', port, tunnelLimits } = options as TunnelOptions
    const authority = `${isIPv6(host ?? '') ? `[${host}]` : host}:${port}`
    openTunnel(proxy, authority, tunnelLimits).then(
      socket => callback?.(null, secure({ ...options, socket } as RequestOptions) as Duplex),
      (error: Error) => (callback as ((error: Error) => void) | undefined)?.(error)
    )
    return undefined
  }
  return agent
}

/**
 * Asks a proxy for a tunnel.
 *
 * @throws the signal's reason; FanoutError `ERR_FANOUT_SINK_REPORTED` if the proxy answers that it opens none; Error with the
 * system's code if there is no answer
 */
async function openTunnel (proxy: Proxy, authority: string, { signal, deadline, timeoutError }: ExchangeLimits): Promise<Duplex> {
  return await new Promise((resolve, reject) => {
    const request = connectRequest(proxy, authority)
    const abort = (): void => { request.destroy(signal.reason as Error) }
    const cancelDeadline = systemClock.whenWaited(deadline, () => request.destroy(timeoutError()))
    signal.addEventListener('abort', abort, { once: true })
    const settle = (): void => {
      cancelDeadline()
      signal.removeEventListener('abort', abort)
    }
    // Emitted for any status.
    request.once('connect', ({ statusCode = 0 }: IncomingMessage, socket: Duplex, head: Buffer) => {
      settle()
      if (isSuccess(statusCode)) {
        if (head.length > 0) socket.unshift(head)
        return resolve(socket)
      }
      socket.on('error', () => {}).destroy()
      // The proxy has not seen the lines, so no status is about them.
      reject(sendErrorOf(`the proxy at ${proxy.origin} answered http ${statusCode}`, { statusCode, retryable: true }))
    })
    request.on('error', error => {
      settle()
      reject(error)
    })
    request.end()
  })
}

function connectRequest ({ origin, authorization }: Proxy, authority: string): ClientRequest {
  const { protocol, hostname, port } = urlToHttpOptions(new URL(origin))
  const request = protocol === 'https:' ? httpsRequest : httpRequest
  return request({
    method: 'CONNECT',
    protocol,
    hostname,
    port,
    path: authority,
    agent: false,
    headers: { host: authority, 'user-agent': 'pino-breaker-fanout', ...authorization !== undefined && { 'proxy-authorization': authorization } }
  } as RequestOptions)
}
