import t from 'tap'
import type { SecretSources } from '#lib/http/secrets'
import { readTls } from '#lib/http/tls'

const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
const sources: SecretSources = {
  env: { KEY: 'a key' },
  readFile (path) {
    if (path === '/etc/ca.pem') return pem
    throw Object.assign(new Error('no'), { code: 'EACCES' })
  }
}

t.test('a certificate is PEM, the path of a file, or the place of a secret', async t => {
  t.equal(readTls({ ca: pem }, sources).ca, pem)
  t.equal(readTls({ ca: `\n${pem}` }, sources).ca, `\n${pem}`)
  t.equal(readTls({ ca: '/etc/ca.pem' }, sources).ca, pem.trimEnd())
  t.equal(readTls({ ca: { file: '/etc/ca.pem' } }, sources).ca, pem.trimEnd())
  t.same(readTls({ cert: pem, key: { env: 'KEY' }, passphrase: 'open' }, sources), { cert: pem, key: 'a key', passphrase: 'open' })
})

t.test('Node.js decides about options that are not given', async t => {
  t.same(readTls({}, sources), {})
  t.same(readTls({ servername: 'logs', rejectUnauthorized: false }, sources), { servername: 'logs', rejectUnauthorized: false })
})

t.test('all files that cannot be read are reported at once, with their paths', async t => {
  t.throws(() => readTls({ ca: '/a', cert: '/b', key: '/c' }, sources), {
    message: 'ERR_FANOUT_OPTIONS: tls.ca: the file /a cannot be read (EACCES)\n  tls.cert: the file /b cannot be read (EACCES)\n  tls.key: the file /c cannot be read (EACCES)'
  })
})
