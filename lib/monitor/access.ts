import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isLoopback } from '../options/monitor.js'
import { RequestError } from './request-error.js'

/** The part of a request that says who asks. */
export interface Requester {
  readonly method?: string | undefined
  readonly headers: IncomingHttpHeaders
}

/** Settings of {@link Access}. */
export interface AccessSettings {
  /** `undefined`: nobody needs one. */
  token: string | undefined
  /** True if a request must name this machine as its host: where the server listens on a loopback address. */
  isLoopback: boolean
}

const AUTHORIZATION = /^(bearer|basic) +(\S+) *$/i
const COLON = 0x3a

/** Decides who may ask. */
export class Access {
  readonly #digest: Buffer | undefined
  readonly #isLoopback: boolean

  constructor ({ token, isLoopback }: AccessSettings) {
    this.#digest = token === undefined ? undefined : digestOf(Buffer.from(token))
    this.#isLoopback = isLoopback
  }

  /**
   * Refuses what a page of another site makes a browser send. On a loopback address also what was sent to another host name: a
   * page can let its own name lead to this machine (DNS rebinding), and would then be of the same origin.
   *
   * @throws {@link RequestError} 403
   */
  checkSource (request: Requester): void {
    const { host } = request.headers
    if (this.#isLoopback && host !== undefined && !isLoopback(hostnameOf(host))) {
      throw new RequestError(403, 'foreign-host', 'the Host of the request is not this machine')
    }
    if (isFromOtherOrigin(request)) throw new RequestError(403, 'foreign-origin', 'the request comes from a page of another origin')
  }

  /** True if the request has the token, or nobody needs one. */
  admits ({ headers: { authorization } }: Requester): boolean {
    if (this.#digest === undefined) return true
    const token = tokenOf(authorization)
    // Digests have the same length, so the comparison tells nothing of the token, not even its length.
    return token !== undefined && timingSafeEqual(digestOf(token), this.#digest)
  }

  /** @throws {@link RequestError} 401 */
  demandToken (request: Requester): void {
    if (this.admits(request)) return
    throw new RequestError(401, 'unauthorized', 'expected the token of the monitor, as a bearer token or as a password', { 'www-authenticate': 'Basic realm="pino-breaker-fanout", charset="UTF-8"' })
  }
}

/**
 * A browser says itself whether a page is of the same origin (`Sec-Fetch-Site`, W3C Fetch Metadata), which holds behind a proxy
 * that changes `Host`. It says so only to servers that it trusts: https, and this machine. Otherwise `Origin` must be `Host`.
 */
function isFromOtherOrigin ({ method, headers }: Requester): boolean {
  const site = headers['sec-fetch-site']
  if (site === 'same-origin') return false
  const isReading = method === 'GET' || method === 'HEAD'
  if (site !== undefined && site !== 'none' && !isReading) return true
  return headers.origin !== undefined && !isSameHost(headers.origin, headers.host ?? '')
}

function isSameHost (origin: string, host: string): boolean {
  try {
    const { protocol, host: ofOrigin } = new URL(origin)
    return ofOrigin !== '' && new URL(`${protocol}//${host}`).host === ofOrigin
  } catch {
    return false
  }
}

/** The name in the header `Host`, as a browser would understand it; empty if it is none. */
function hostnameOf (host: string): string {
  try {
    return new URL(`http://${host}`).hostname.replace(/^\[(.*)\]$/, '$1')
  } catch {
    return ''
  }
}

/** The bytes of the token: a bearer token, or the password of the basic scheme (RFC 7617), whatever the user's name. */
function tokenOf (authorization: string | undefined): Buffer | undefined {
  const [, scheme, credentials] = AUTHORIZATION.exec(authorization ?? '') ?? []
  if (scheme === undefined || credentials === undefined) return undefined
  // Node.js reads each byte of a header as one character.
  if (scheme.toLowerCase() === 'bearer') return Buffer.from(credentials, 'latin1')
  const userAndPassword = Buffer.from(credentials, 'base64')
  const colon = userAndPassword.indexOf(COLON)
  return colon === -1 ? undefined : userAndPassword.subarray(colon + 1)
}

function digestOf (token: Buffer): Buffer {
  return createHash('sha256').update(token).digest()
}
