import { Faults } from '../options/faults.js'
import { pathOf } from '../options/validation.js'
import type { AuthSettings, HttpSettings } from './options.js'
import type { Redactor } from './redactor.js'
import type { Secret } from './schema.js'
import { readSecret, systemSources, type SecretSources } from './secrets.js'

const NOT_IN_A_HEADER = /[^\t\x20-\x7e\x80-\xff]/

type HeaderSettings = Pick<HttpSettings, 'headers' | 'auth'>

/**
 * The headers of a user's options, with their secrets read. They are read at the start, and again when a backend no longer
 * accepts them.
 */
export class RequestHeaders {
  readonly #settings: HeaderSettings
  readonly #redactor: Redactor
  readonly #sources: SecretSources
  #values: Readonly<Record<string, string>>

  /** @throws FanoutError `ERR_FANOUT_OPTIONS` if a secret cannot be read or has a character that a header must not have */
  constructor (settings: HeaderSettings, redactor: Redactor, sources: SecretSources = systemSources) {
    this.#settings = settings
    this.#redactor = redactor
    this.#sources = sources
    this.#values = this.#read()
  }

  /** The values by their names, which are in lower case. */
  get values (): Readonly<Record<string, string>> {
    return this.#values
  }

  /** Reads all secrets again. Returns whether any has changed. If one cannot be read now, all stay as they were. */
  refresh (): boolean {
    const before = this.#values
    try {
      this.#values = this.#read()
    } catch {
      return false
    }
    return Object.entries(this.#values).some(([name, value]) => before[name] !== value)
  }

  #read (): Record<string, string> {
    const faults = new Faults()
    const { headers, secrets } = readHeaders(this.#settings, this.#sources, faults)
    faults.throwIfAny()
    this.#redactor.hide(secrets)
    return headers
  }
}

/** Reads the headers of a user's options, and collects the secrets in them. Adds what cannot be read to `faults`. */
export function readHeaders ({ headers, auth }: HeaderSettings, sources: SecretSources, faults: Faults): { headers: Record<string, string>, secrets: string[] } {
  const values: Record<string, string> = {}
  const secrets: string[] = []
  const read = (secret: Secret, path: string): string => {
    const value = readSecret(secret, path, sources, faults) ?? ''
    if (NOT_IN_A_HEADER.test(value)) faults.add(path, 'contains a character that a header cannot have')
    secrets.push(value)
    return value
  }
  for (const [name, value] of Object.entries(headers)) values[name.toLowerCase()] = read(value, pathOf('headers', name))
  const authorization = auth && authorizationOf(auth, read)
  if (authorization !== undefined) {
    secrets.push(authorization)
    values['authorization'] = authorization
  }
  return { headers: values, secrets }
}

function authorizationOf (auth: AuthSettings, read: (secret: Secret, path: string) => string): string {
  if (auth.kind === 'token') return `${auth.scheme} ${read(auth.token, 'auth.token')}`
  const [user, password] = [read(auth.user, 'auth.user'), read(auth.password, 'auth.password')]
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
