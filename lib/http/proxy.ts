import { BlockList, isIP } from 'node:net'
import { Faults } from '../options/faults.js'
import type { HttpSettings } from './options.js'
import { readSecret, systemSources, type SecretSources } from './secrets.js'

/** A forward proxy, through which requests are made. */
export interface Proxy {
  /** Such as `http://proxy.example:3128`. No other part of its URL is ever shown. */
  origin: string
  /** The value of `proxy-authorization`. */
  authorization: string | undefined
  /** User and password in the forms in which they may be sent back. */
  secrets: readonly string[]
}

type ProxySettings = Pick<HttpSettings, 'origin' | 'proxy'>

const EXPECTED = 'the URL of an HTTP proxy, http:// or https://, without a path; special characters of a password are percent-encoded'

/**
 * Reads the proxy of a sink: that of its options, else that of the environment.
 *
 * @throws FanoutError `ERR_FANOUT_OPTIONS` if it cannot be read
 */
export function readProxy (settings: ProxySettings, sources: SecretSources = systemSources): Proxy | undefined {
  const faults = new Faults()
  const proxy = settleProxy(settings, sources, faults)
  faults.throwIfAny()
  return proxy
}

/** Like {@link readProxy}, but adds what is wrong to `faults`. */
export function settleProxy ({ origin, proxy }: ProxySettings, sources: SecretSources, faults: Faults): Proxy | undefined {
  if (proxy === false) return undefined
  if (proxy === undefined) return fromEnvironment(new URL(origin), sources.env, faults)
  const text = readSecret(proxy, 'proxy', sources, faults)
  if (text === undefined) return undefined
  const settled = parseProxy(text)
  if (settled === undefined) faults.add('proxy', `expected ${EXPECTED}`)
  return settled
}

/**
 * The variables are those of curl and Node.js. The one in lower case comes first, and an empty one means no proxy. In a CGI
 * program `HTTP_PROXY` is a header of the client's request (https://httpoxy.org), so it is ignored there.
 */
function fromEnvironment (target: URL, env: NodeJS.ProcessEnv, faults: Faults): Proxy | undefined {
  const upper = target.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const lower = upper.toLowerCase()
  const name = env[lower] === undefined ? upper : lower
  const text = (name === 'HTTP_PROXY' && env['REQUEST_METHOD'] !== undefined ? '' : env[name])?.trim() ?? ''
  if (text === '' || isExcluded(target, env['no_proxy'] ?? env['NO_PROXY'] ?? '')) return undefined
  const proxy = parseProxy(text)
  if (proxy === undefined) faults.add('proxy', `the environment variable ${name} is not ${EXPECTED}; with proxy: false it is ignored`)
  return proxy
}

function parseProxy (text: string): Proxy | undefined {
  const url = text.includes('://') ? text : `http://${text}`
  if (!URL.canParse(url)) return undefined
  const { protocol, origin, username, password, pathname, search, hash } = new URL(url)
  // A password with an unescaped `/`, `?` or `#` ends the host's name: a part of it would be taken for the host, and shown.
  if (!/^https?:$/.test(protocol) || pathname !== '/' || search !== '' || hash !== '') return undefined
  if (username === '' && password === '') return { origin, authorization: undefined, secrets: [] }
  const [user, secret] = [decode(username), decode(password)]
  const credentials = Buffer.from(`${user}:${secret}`).toString('base64')
  return { origin, authorization: `Basic ${credentials}`, secrets: [user, secret, `${user}:${secret}`, credentials] }
}

/** A text with an unescaped percent sign is taken literally. */
function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * Whether `NO_PROXY` excludes a target: by `*`, by its name or that of a domain above it (with or without `.` or `*.` before
 * it), by its address, or by a range of addresses (`10.0.0.0/8`). Each may have a port.
 */
function isExcluded (target: URL, noProxy: string): boolean {
  const host = withoutBrackets(target.hostname).replace(/\.$/, '')
  const port = target.port === '' ? target.protocol === 'https:' ? '443' : '80' : target.port
  return noProxy.toLowerCase().split(/[\s,]+/).some(entry => {
    if (entry === '*') return true
    // More than one colon without brackets is an IPv6 address.
    const [, name = '', ownPort = port] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [entry, entry]
    return ownPort === port && matches(host, withoutBrackets(name))
  })
}

function matches (host: string, name: string): boolean {
  const [address = '', prefix] = name.split('/')
  const family = isIP(address)
  if (family !== 0) return isIP(host) === family && isInRange(host, address, family === 4 ? 'ipv4' : 'ipv6', prefix)
  const domain = name.replace(/^\*?\./, '').replace(/\.$/, '')
  return host === domain || host.endsWith(`.${domain}`)
}

function isInRange (host: string, address: string, family: 'ipv4' | 'ipv6', prefix: string | undefined): boolean {
  const bits = family === 'ipv4' ? 32 : 128
  const length = prefix === undefined ? bits : Number(prefix)
  if (!Number.isInteger(length) || length > bits || prefix === '') return false
  const range = new BlockList()
  range.addSubnet(address, length, family)
  return range.check(host, family)
}

function withoutBrackets (host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
