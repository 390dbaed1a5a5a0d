import type { Authenticator } from '@nats-io/transport-node'
import type { Secret } from '../http/schema.js'
import { readSecret, systemSources, type SecretSources } from '../http/secrets.js'
import { Faults } from '../options/faults.js'
import type { NatsAuth } from './options.js'

/** The part of the client that makes authenticators. */
export type Authenticators = Pick<typeof import('@nats-io/transport-node'), 'credsAuthenticator' | 'nkeyAuthenticator' | 'tokenAuthenticator' | 'usernamePasswordAuthenticator'>

const encoder = new TextEncoder()
/** A part of a `.creds` file, as the client looks for it. */
const SECTION = /-{3,}[^\n]*-{3,}\n.+\n\s*-{3,}[^\n]*-{3,}\n/g

/** Reads who the sink is. Adds what cannot be read to `faults`. Returns the texts that must never be shown. */
export function readAuth (auth: NatsAuth | undefined, sources: SecretSources, faults: Faults): string[] {
  const read = (secret: Secret, key: string): string => readSecret(secret, `auth.${key}`, sources, faults) ?? ''
  switch (auth?.kind) {
    case undefined: return []
    case 'user': return [read(auth.user, 'user'), read(auth.password, 'password')].slice(1)
    case 'token': return [read(auth.token, 'token')]
    case 'creds': {
      const creds = read(placeOfCreds(auth.creds), 'creds')
      if (creds !== '' && [...asCreds(creds).matchAll(SECTION)].length < 2) faults.add('auth.creds', 'expected the content of a .creds file: a JWT and the seed of an nkey, each between two lines of dashes')
      return secretsOfCreds(creds)
    }
    case 'nkey': return [read(auth.nkey, 'nkey')]
  }
}

/** An authenticator that reads secrets anew for each connection: a file may have been replaced. */
export function authenticatorOf (auth: NatsAuth, client: Authenticators, sources = systemSources): Authenticator {
  const reader = (secret: Secret): () => string => {
    let last = ''
    return () => {
      // A file that is being replaced just now has had a content.
      last = readSecret(secret, '', sources, new Faults()) ?? last
      return last
    }
  }
  const bytes = (secret: Secret, present = (content: string) => content): () => Uint8Array => {
    const read = reader(secret)
    return () => encoder.encode(present(read()))
  }
  switch (auth.kind) {
    case 'user': return client.usernamePasswordAuthenticator(reader(auth.user), reader(auth.password))
    case 'token': return client.tokenAuthenticator(reader(auth.token))
    case 'creds': return client.credsAuthenticator(bytes(placeOfCreds(auth.creds), asCreds))
    case 'nkey': return client.nkeyAuthenticator(bytes(auth.nkey))
  }
}

/** As the client can read it, which wants an end at each line, and no carriage return. */
function asCreds (content: string): string {
  return `${content.replaceAll('\r\n', '\n')}\n`
}

/** A text is the content of a file if it begins as one; otherwise it is the path of a file. */
function placeOfCreds (creds: Secret): Secret {
  return typeof creds === 'string' && !creds.trimStart().startsWith('-----BEGIN') ? { file: creds } : creds
}

function secretsOfCreds (content: string): string[] {
  return content.split(/\s+/).filter(word => word.length >= 20 && !word.startsWith('-'))
}
