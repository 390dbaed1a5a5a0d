import { nkeys, type ConnectionOptions, credsAuthenticator } from '@nats-io/transport-node'

/** A server's configuration for an operator with one account, and the credentials of a user of that account. */
export interface JwtScene {
  config: string
  /** The content of the user's `.creds` file. */
  creds: string
  /** How the user connects. */
  options: ConnectionOptions
  /** Credentials of another user, who may publish nothing. */
  mute: string
}

type KeyPair = ReturnType<typeof nkeys.createUser>

const { createOperator, createAccount, createUser } = nkeys
const NO_LIMITS = { subs: -1, data: -1, payload: -1 }
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A JWT as NATS signs it, in the format of version 2. */
function sign (issuer: KeyPair, subject: KeyPair, name: string, nats: object): string {
  const claims = { jti: name, iat: Math.floor(Date.now() / 1000), iss: issuer.getPublicKey(), sub: subject.getPublicKey(), name, nats: { version: 2, ...nats } }
  const signed = `${base64({ typ: 'JWT', alg: 'ed25519-nkey' })}.${base64(claims)}`
  return `${signed}.${Buffer.from(issuer.sign(new TextEncoder().encode(signed))).toString('base64url')}`
}

/** Makes keys and JWTs for a server that knows its users by these alone. */
export function makeJwtScene (): JwtScene {
  const [operator, system, account] = [createOperator(), createAccount(), createAccount()]
  const operatorJwt = sign(operator, operator, 'operator', { type: 'operator' })
  const limits = { ...NO_LIMITS, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
  const systemJwt = sign(operator, system, 'system', { type: 'account', limits })
  const accountJwt = sign(operator, account, 'account', { type: 'account', limits: { ...limits, mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 } })
  const userOf = (name: string, permissions: object): string => {
    const user = createUser()
    const jwt = sign(account, user, name, { type: 'user', ...NO_LIMITS, ...permissions })
    return `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${text(user.getSeed())}\n------END USER NKEY SEED------\n`
  }
  const creds = userOf('logger', {})
  return {
    config: `operator: ${operatorJwt}\nresolver: MEMORY\nsystem_account: ${system.getPublicKey()}\nresolver_preload: { ${system.getPublicKey()}: ${systemJwt}, ${account.getPublicKey()}: ${accountJwt} }`,
    creds,
    options: { authenticator: credsAuthenticator(new TextEncoder().encode(creds)) },
    mute: userOf('mute', { pub: { deny: ['logs.>'] } })
  }
}
