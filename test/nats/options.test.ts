import t from 'tap'
import { checkNatsOptions } from '#lib/nats/check-options'
import { parseNatsOptions } from '#lib/nats/options'

const SECRET = 'SUAsecret-of-mine'
const faultsOf = (options: unknown): string => {
  try {
    parseNatsOptions(options)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}
const required = { servers: 'nats-1', subject: 'logs.app' }

t.test('complete settings', async t => {
  t.strictSame(parseNatsOptions({ ...required, servers: ['nats://nats-1:4222', 'tls://[::1]:4223', 'host'], stream: 'LOGS', create: true }), {
    servers: ['nats-1:4222', '[::1]:4223', 'host'],
    subject: { texts: ['logs.app'], fields: [] },
    pattern: 'logs.app',
    mode: 'line',
    stream: 'LOGS',
    create: { subjects: ['logs.app'], replicas: 1, storage: 'file', discard: 'old', maxBytes: undefined, maxMessages: undefined, maxAgeMs: undefined, duplicateWindowMs: undefined },
    window: 256,
    timeoutMs: 5000,
    auth: undefined,
    tls: {},
    levelKey: 'level',
    name: 'pino-breaker-fanout',
    inboxPrefix: undefined
  })
})

t.test('all faults are told, each with its path', async t => {
  const message = faultsOf({ servers: ['a b'], subject: '{x}', mode: 'batch', stream: 'a.b', window: 0, auth: { user: 'u' }, tls: { cert: 'x' }, inboxPrefix: 'a b', subjet: 1 })
  for (const fault of ['servers[0]: expected a host', 'subject: expected a first token without fields, got "{x}"', 'stream: expected no spaces', 'window: expected an integer >= 1', 'auth: expected either user and password, or one of', 'tls: expected cert and key together', 'inboxPrefix: expected no spaces', 'subjet: unknown option; did you mean "subject"?']) {
    t.match(message, fault)
  }
  t.match(faultsOf({ ...required, create: true }), 'stream: expected a name')
  t.match(faultsOf({ ...required, subject: 'logs.{name}', mode: 'batch' }), 'subject: expected no fields')
  t.match(faultsOf({ ...required, auth: { token: 'x', nkey: 'y' } }), 'auth: expected either')
  t.match(faultsOf({ ...required, auth: { token: { env: 'A', file: 'b' } } }), 'auth.token: expected either env or file')
  t.match(faultsOf(undefined), 'options: expected an object')
})

t.test('no fault shows a secret, wherever it stands', async t => {
  const places: unknown[] = [
    { ...required, auth: SECRET }, { ...required, auth: [SECRET] }, { ...required, auth: { token: { value: SECRET } } }, { ...required, auth: { token: [SECRET] } },
    { ...required, auth: { user: SECRET } }, { ...required, auth: { password: 7, user: SECRET } }, { ...required, auth: { creds: { env: '', file: 3, text: SECRET } } },
    { ...required, auth: { nkey: SECRET, user: SECRET } }, { ...required, auth: { scheme: SECRET } }, { ...required, tls: SECRET }, { ...required, tls: { key: SECRET } }, { ...required, tls: { key: 5, pem: SECRET } },
    { ...required, tls: { rejectUnauthorized: SECRET } }, { ...required, servers: `nats://${SECRET}@host` }, { ...required, servers: [`nats://user:${SECRET}@host:4222`] }, { ...required, servers: [[SECRET]] }, { ...required, servers: `nats://host/?token=${SECRET}` }
  ]
  for (const options of places) {
    const message = faultsOf(options)
    t.not(message, '', JSON.stringify(options))
    t.notMatch(message, SECRET, JSON.stringify(options))
  }
})

t.test('what cannot be read is told before the start, with its place', async t => {
  const faults = checkNatsOptions({ ...required, auth: { user: { env: 'NATS_USER' }, password: { file: '/nowhere' } }, tls: { ca: '/nowhere.pem' } }, { NATS_USER: 'x' })
  t.same(faults.list.map(({ path }) => path), ['auth.password', 'tls.ca'])
  t.same(checkNatsOptions({ ...required, auth: { user: { env: 'NATS_USER' }, password: 'x' } }, { NATS_USER: 'x' }).list, [])
  t.match(checkNatsOptions({ ...required, auth: { creds: { env: 'CREDS' } } }, { CREDS: `-----BEGIN NATS USER JWT-----\n${SECRET}\n------END NATS USER JWT------` }).list, [{ path: 'auth.creds', message: /^expected the content of a \.creds file: a JWT and the seed/ }])
  t.match(checkNatsOptions({ ...required, auth: { creds: '/nowhere.creds' } }, {}).list, [{ path: 'auth.creds', message: /the file \/nowhere\.creds cannot be read \(ENOENT\)/ }])
})
