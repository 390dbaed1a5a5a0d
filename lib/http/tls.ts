import { Faults } from '../options/faults.js'
import type { HttpSettings } from './options.js'
import type { Secret } from './schema.js'
import { readSecret, systemSources, type SecretSources } from './secrets.js'

/** Options of a TLS connection, in the form that `tls.connect()` takes. */
export interface TlsSettings {
  ca?: string
  cert?: string
  key?: string
  passphrase?: string
  servername?: string
  rejectUnauthorized?: boolean
}

/**
 * Reads certificates and keys. A text is PEM if it begins with `-----BEGIN`; otherwise it is the path of a file.
 *
 * @throws FanoutError `ERR_FANOUT_OPTIONS` if one cannot be read
 */
export function readTls (tls: HttpSettings['tls'], sources: SecretSources = systemSources): TlsSettings {
  const faults = new Faults()
  const settings = settleTls(tls, sources, faults)
  faults.throwIfAny()
  return settings
}

/** Like {@link readTls}, but adds what cannot be read to `faults`. */
export function settleTls ({ ca, cert, key, passphrase, servername, rejectUnauthorized }: HttpSettings['tls'], sources: SecretSources, faults: Faults): TlsSettings {
  const read = (name: 'ca' | 'cert' | 'key' | 'passphrase', given: Secret | undefined): TlsSettings => {
    if (given === undefined) return {}
    const isPath = typeof given === 'string' && name !== 'passphrase' && !given.trimStart().startsWith('-----BEGIN')
    const value = readSecret(isPath ? { file: given } : given, `tls.${name}`, sources, faults)
    return value === undefined ? {} : { [name]: value }
  }
  return {
    ...read('ca', ca),
    ...read('cert', cert),
    ...read('key', key),
    ...read('passphrase', passphrase),
    ...servername !== undefined && { servername },
    ...rejectUnauthorized !== undefined && { rejectUnauthorized }
  }
}
