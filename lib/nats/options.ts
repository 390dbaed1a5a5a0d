import { Faults, show } from '../options/faults.js'
import { validate } from '../options/validation.js'
import type { Secret } from '../http/schema.js'
import type { TlsOptions } from '../http/types.js'
import { natsDefaults } from './defaults.js'
import { natsSchema } from './schema.js'
import { parseSubject, patternOf, type SubjectTemplate } from './subject.js'
import type { NatsSinkOptions } from './types.js'

export type { NatsSinkOptions } from './types.js'

/** Who the sink is. */
export type NatsAuth =
  | { kind: 'user', user: Secret, password: Secret }
  | { kind: 'token', token: Secret }
  | { kind: 'creds', creds: Secret }
  | { kind: 'nkey', nkey: Secret }

/** The settings of a stream that is created. */
export interface StreamSettings {
  subjects: readonly string[]
  replicas: number
  storage: 'file' | 'memory'
  discard: 'old' | 'new'
  maxBytes: number | undefined
  maxMessages: number | undefined
  maxAgeMs: number | undefined
  duplicateWindowMs: number | undefined
}

/** The complete settings of a NATS sink, frozen. */
export interface NatsSettings {
  /** `host`, `host:port`, or an IPv6 address in brackets: without a scheme. */
  servers: readonly string[]
  subject: SubjectTemplate
  /** The subjects of the messages, with a wildcard in place of each field. */
  pattern: string
  mode: 'line' | 'batch'
  /** `undefined`: the stream is not looked at. */
  stream: string | undefined
  /** `undefined`: no stream is created. */
  create: StreamSettings | undefined
  window: number
  timeoutMs: number
  /** `undefined` for nobody. */
  auth: NatsAuth | undefined
  /** `undefined`: by TLS if the server wants it. */
  tls: TlsOptions | undefined
  levelKey: string
  name: string
  inboxPrefix: string | undefined
}

// As the server has it: no spaces, no dots, no wildcards, no path separators.
const STREAM_NAME = /^[^\s.*>/\\\p{C}]+$/u
const SERVER = /^(?:(nats|tls):\/\/)?((?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?)\/?$/i
const AUTH_KEYS = ['user', 'password', 'token', 'creds', 'nkey'] as const

/**
 * Turns a user's options into complete settings.
 *
 * @throws FanoutError `ERR_FANOUT_OPTIONS` that lists all faults, each on a line with its path, without any secret
 */
export function parseNatsOptions (input: unknown): NatsSettings {
  const faults = new Faults()
  const settings = settleNatsOptions(input, faults)
  faults.throwIfAny()
  return settings
}

/** Like {@link parseNatsOptions}, but adds what is wrong to `faults`. The result is usable only if there are no faults. */
export function settleNatsOptions (input: unknown, faults: Faults): NatsSettings {
  const given = (validate(natsSchema, input, '', faults) ?? {}) as Partial<NatsSinkOptions>
  const { servers, isTls } = settleServers(given.servers, faults)
  const subject = settleSubject(given, faults)
  const pattern = patternOf(subject)
  for (const [key, value] of Object.entries(given.tls ?? {})) checkSecret(value, `tls.${key}`, faults)
  if ((given.tls?.cert === undefined) !== (given.tls?.key === undefined)) faults.add('tls', 'expected cert and key together')
  if (given.stream !== undefined && !STREAM_NAME.test(given.stream)) faults.add('stream', `expected no spaces, dots, slashes or wildcards, got ${show(given.stream)}`)
  if (given.inboxPrefix !== undefined && !/^[^\s*>]+$/.test(given.inboxPrefix)) faults.add('inboxPrefix', `expected no spaces and no wildcards, got ${show(given.inboxPrefix)}`)
  return Object.freeze({
    servers,
    subject,
    pattern,
    mode: given.mode ?? natsDefaults.mode,
    stream: given.stream,
    create: settleCreate(given, pattern, faults),
    window: given.window ?? natsDefaults.window,
    timeoutMs: given.timeoutMs ?? natsDefaults.timeoutMs,
    auth: settleAuth(given.auth, faults),
    tls: given.tls ?? (isTls ? {} : undefined),
    levelKey: given.levelKey ?? natsDefaults.levelKey,
    name: given.name ?? 'pino-breaker-fanout',
    inboxPrefix: given.inboxPrefix
  })
}

function settleServers (given: NatsSinkOptions['servers'] | undefined, faults: Faults): { servers: string[], isTls: boolean } {
  const list = given === undefined ? [] : [given].flat()
  const matches = list.map((server, index) => {
    const match = typeof server === 'string' ? SERVER.exec(server) : null
    // A text that is no server may have a token in it: it is not shown.
    if (typeof server === 'string' && match === null) faults.add(Array.isArray(given) ? `servers[${index}]` : 'servers', `expected a host, host:port, nats://host:port or tls://host:port${server.includes('@') ? '; user, password and token belong into auth' : ''}`)
    return match
  })
  return { servers: matches.flatMap(match => match?.[2] ?? []), isTls: matches.some(match => match?.[1]?.toLowerCase() === 'tls') }
}

function settleSubject ({ subject, mode }: Partial<NatsSinkOptions>, faults: Faults): SubjectTemplate {
  const parsed = parseSubject(subject ?? '_')
  if ('wrong' in parsed) {
    faults.add('subject', `expected ${parsed.wrong}, got ${show(subject)}`)
    return { texts: ['_'], fields: [] }
  }
  if (mode === 'batch' && parsed.fields.length > 0) faults.add('subject', `expected no fields, since mode is "batch", got ${show(subject)}`)
  return parsed
}

function settleCreate ({ create, stream }: Partial<NatsSinkOptions>, pattern: string, faults: Faults): StreamSettings | undefined {
  if (create === undefined || create === false) return undefined
  if (stream === undefined && !faults.concern('stream')) faults.add('stream', 'expected a name, since create is given, got nothing')
  const given = create === true ? {} : create
  return {
    subjects: given.subjects ?? [pattern],
    replicas: given.replicas ?? natsDefaults.replicas,
    storage: given.storage ?? natsDefaults.storage,
    discard: given.discard ?? natsDefaults.discard,
    maxBytes: given.maxBytes,
    maxMessages: given.maxMessages,
    maxAgeMs: given.maxAgeMs,
    duplicateWindowMs: given.duplicateWindowMs
  }
}

function settleAuth (given: NatsSinkOptions['auth'], faults: Faults): NatsAuth | undefined {
  if (given === undefined) return undefined
  for (const key of AUTH_KEYS) checkSecret(given[key], `auth.${key}`, faults)
  const { user, password, token, creds, nkey } = given
  const keys = AUTH_KEYS.filter(key => given[key] !== undefined).join()
  if (keys === 'user,password') return { kind: 'user', user: user as Secret, password: password as Secret }
  if (keys === 'token') return { kind: 'token', token: token as Secret }
  if (keys === 'creds') return { kind: 'creds', creds: creds as Secret }
  if (keys === 'nkey') return { kind: 'nkey', nkey: nkey as Secret }
  if (!faults.concern('auth')) faults.add('auth', 'expected either user and password, or one of token, creds and nkey')
  return undefined
}

function checkSecret (given: unknown, path: string, faults: Faults): void {
  if (typeof given !== 'object' || given === null || faults.concern(path)) return
  const { env, file } = given as { env?: string, file?: string }
  if ((env === undefined) === (file === undefined)) faults.add(path, 'expected either env or file')
}
