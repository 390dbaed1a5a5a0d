import { Faults, show } from '../options/faults.js'
import { pathOf, validate } from '../options/validation.js'
import { SPLUNK_SCHEME, httpDefaults } from './defaults.js'
import { isIndexPattern } from './formats/dated-index.js'
import { httpSchema, type Secret } from './schema.js'
import type { HttpSinkOptions } from './types.js'

export type { Secret } from './schema.js'
export type { HttpSinkOptions } from './types.js'

/** The name of a format. */
export type FormatName = NonNullable<HttpSinkOptions['format']>

/** Settings of the `authorization` header. */
export type AuthSettings =
  | { kind: 'basic', user: Secret, password: Secret }
  | { kind: 'token', scheme: string, token: Secret }

/** The complete settings of an HTTP sink, frozen. */
export interface HttpSettings {
  /** Such as `https://logs.example:8443`. No other part of the URL is ever shown. */
  origin: string
  /** The path of the URL; `undefined` if it has none, and the format's default path is used. */
  path: string | undefined
  query: string
  format: FormatName
  headers: Readonly<Record<string, Secret>>
  auth: AuthSettings | undefined
  /** The level of compression; 0 for none. */
  gzipLevel: number
  labels: Readonly<Record<string, string>>
  /** `undefined` for none. */
  levelLabel: string | undefined
  levelKey: string
  timeKey: string
  timeoutMs: number
  concurrency: number
  tls: NonNullable<HttpSinkOptions['tls']>
  elasticsearch: { index: string | undefined, opType: 'create' | 'index', ids: boolean }
  splunk: NonNullable<HttpSinkOptions['splunk']>
  /** `Infinity` for none. */
  maxRequestBytes: number
  /** `undefined` for that of the environment. */
  proxy: false | Secret | undefined
  otlp: {
    resource: Readonly<Record<string, string>>
    /** `undefined` for that of pino's config. */
    messageKey: string | undefined
    /** `undefined` for that of pino's config. */
    errorKey: string | undefined
    traceKeys: { traceId: string, spanId: string, traceFlags: string }
  }
}

/** Options that only some formats use. */
const formatsOf: Readonly<Partial<Record<keyof HttpSinkOptions, readonly FormatName[]>>> = {
  labels: ['loki', 'splunk'],
  levelLabel: ['loki'],
  levelKey: ['loki', 'otlp'],
  timeKey: ['loki', 'elasticsearch', 'splunk', 'otlp'],
  elasticsearch: ['elasticsearch'],
  splunk: ['splunk'],
  otlp: ['otlp']
}

// A header's name is a token (RFC 9110, 5.6.2).
const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]+$/
const GUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i
// These control how the message is framed, so the user cannot set them.
const OWN_HEADERS = ['connection', 'content-encoding', 'content-length', 'expect', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade']

/**
 * Turns a user's options into complete settings.
 *
 * @throws FanoutError `ERR_FANOUT_OPTIONS` that lists all faults, each on a line with its path, without any secret
 */
export function parseHttpOptions (input: unknown): HttpSettings {
  const faults = new Faults()
  const settings = settleHttpOptions(input, faults)
  faults.throwIfAny()
  return settings
}

/** Like {@link parseHttpOptions}, but adds what is wrong to `faults`. The result is usable only if there are no faults. */
export function settleHttpOptions (input: unknown, faults: Faults): HttpSettings {
  const given = (validate(httpSchema, input, '', faults) ?? {}) as Partial<HttpSinkOptions>
  const format = given.format ?? httpDefaults.format
  const url = settleUrl(given.url, faults)
  const auth = settleAuth(given, format, url, faults)
  checkUse(given, format, faults)
  checkHeaders(given.headers ?? {}, auth, faults)
  for (const [key, value] of Object.entries(given.tls ?? {})) checkSecret(value, `tls.${key}`, faults)
  checkSecret(given.proxy, 'proxy', faults)
  if ((given.tls?.cert === undefined) !== (given.tls?.key === undefined)) faults.add('tls', 'expected cert and key together')
  const { index, opType, ids } = { ...httpDefaults.elasticsearch, index: undefined, ...given.elasticsearch }
  if (format === 'elasticsearch' && index === undefined && url?.pathname === '/' && !faults.concern('elasticsearch')) {
    faults.add('elasticsearch.index', 'expected a non-empty string, as the URL names no index, got nothing')
  }

  if (index !== undefined && !isIndexPattern(index)) faults.add('elasticsearch.index', `expected {date} or {date:YYYY.MM.DD} in place of other braces, got ${show(index)}`)
  const { channel } = given.splunk ?? {}
  if (channel !== undefined && !GUID.test(channel)) faults.add('splunk.channel', `expected a GUID, got ${show(channel)}`)

  const { origin = '', pathname = '/', search = '' } = url ?? {}
  const levelLabel = given.levelLabel ?? httpDefaults.levelLabel
  return Object.freeze({
    origin,
    path: pathname === '/' ? undefined : pathname,
    query: search,
    format,
    headers: given.headers ?? {},
    auth,
    gzipLevel: settleGzip(given.gzip ?? httpDefaults.gzip),
    labels: given.labels ?? {},
    levelLabel: levelLabel === false ? undefined : levelLabel,
    levelKey: given.levelKey ?? httpDefaults.levelKey,
    timeKey: given.timeKey ?? httpDefaults.timeKey,
    timeoutMs: given.timeoutMs ?? httpDefaults.timeoutMs,
    concurrency: given.concurrency ?? httpDefaults.concurrency,
    tls: given.tls ?? {},
    elasticsearch: { index, opType, ids },
    splunk: given.splunk ?? {},
    maxRequestBytes: given.maxRequestBytes ?? Infinity,
    proxy: given.proxy,
    otlp: {
      resource: given.otlp?.resource ?? {},
      messageKey: given.otlp?.messageKey,
      errorKey: given.otlp?.errorKey,
      traceKeys: { ...httpDefaults.traceKeys, ...given.otlp?.traceKeys }
    }
  })
}

function settleUrl (given: string | undefined, faults: Faults): URL | undefined {
  if (given === undefined) return undefined
  if (URL.canParse(given)) {
    const url = new URL(given)
    if (/^https?:$/.test(url.protocol)) return url
  }
  // Query and fragment may contain a secret key.
  faults.add('url', `expected an http:// or https:// URL, got ${show(given.replace(/[?#].*$/s, ''))}`)
  return undefined
}

function settleAuth ({ auth }: Partial<HttpSinkOptions>, format: FormatName, url: URL | undefined, faults: Faults): AuthSettings | undefined {
  if (auth === undefined) {
    if (url === undefined || (url.username === '' && url.password === '')) return undefined
    return { kind: 'basic', user: decode(url.username), password: decode(url.password) }
  }
  for (const key of ['user', 'password', 'token'] as const) checkSecret(auth[key], `auth.${key}`, faults)
  const { user, password, token, scheme } = auth
  if (token !== undefined && user === undefined && password === undefined) {
    return { kind: 'token', token, scheme: scheme ?? (format === 'splunk' ? SPLUNK_SCHEME : httpDefaults.scheme) }
  }
  if (token === undefined && user !== undefined && password !== undefined && scheme === undefined) return { kind: 'basic', user, password }
  if (!faults.concern('auth')) faults.add('auth', 'expected either user and password, or token with or without a scheme')
  return undefined
}

/** A text with an unescaped percent sign is taken literally. */
function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function checkUse (given: Partial<HttpSinkOptions>, format: FormatName, faults: Faults): void {
  if (faults.concern('format')) return
  for (const [key, formats] of Object.entries(formatsOf)) {
    if (given[key as keyof HttpSinkOptions] === undefined || formats.includes(format)) continue
    faults.add(key, `is used only with format ${formats.map(show).join(' or ')}, which is ${show(format)} here`)
  }
}

function checkHeaders (headers: Readonly<Record<string, Secret>>, auth: AuthSettings | undefined, faults: Faults): void {
  for (const [name, value] of Object.entries(headers)) {
    checkSecret(value, pathOf('headers', name), faults)
    if (!HEADER_NAME.test(name)) faults.add('headers', `${show(name)} cannot be the name of a header`)
    else if (OWN_HEADERS.includes(name.toLowerCase())) faults.add('headers', `${show(name)} is set by the sink itself`)
    else if (auth !== undefined && name.toLowerCase() === 'authorization') faults.add('headers', `${show(name)} is set by auth, or by the user in the URL`)
  }
}

function checkSecret (given: unknown, path: string, faults: Faults): void {
  if (typeof given !== 'object' || given === null || faults.concern(path)) return
  const { env, file } = given as { env?: string, file?: string }
  if ((env === undefined) === (file === undefined)) faults.add(path, 'expected either env or file')
}

function settleGzip (gzip: boolean | { level?: number }): number {
  if (gzip === false) return 0
  return gzip === true ? httpDefaults.gzipLevel : gzip.level ?? httpDefaults.gzipLevel
}
