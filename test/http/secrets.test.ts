import t from 'tap'
import { readSecret, Redactor, systemSources, type SecretSources } from '#lib/http/secrets'
import { Faults } from '#lib/options/faults'

const sources: SecretSources = {
  env: { TOKEN: 'from the environment', EMPTY: '' },
  readFile (path) {
    if (path === '/run/token') return 'from a file\r\n'
    if (path === '/run/empty') return '\n'
    throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
  }
}

/** What becomes of a secret: its value, or what is told. */
function read (secret: Parameters<typeof readSecret>[0]): string | undefined {
  const faults = new Faults()
  const value = readSecret(secret, 'auth.token', sources, faults)
  try {
    faults.throwIfAny()
    return value
  } catch (error) {
    return (error as Error).message
  }
}

t.test('a secret is a text, or stands in the environment or in a file, whose last newline is not of it', async t => {
  t.equal(read('plain'), 'plain')
  t.equal(read({ env: 'TOKEN' }), 'from the environment')
  t.equal(read({ file: '/run/token' }), 'from a file')
  t.equal(systemSources.readFile('LICENSE').includes('MIT'), true)
})

t.test('a secret that cannot be had is told by its place', async t => {
  t.equal(read({ env: 'NONE' }), 'ERR_FANOUT_OPTIONS: auth.token: the environment variable NONE is not set')
  t.equal(read({ env: 'EMPTY' }), 'ERR_FANOUT_OPTIONS: auth.token: the environment variable EMPTY is not set')
  t.equal(read({ file: '/nowhere' }), 'ERR_FANOUT_OPTIONS: auth.token: the file /nowhere cannot be read (ENOENT)')
  t.equal(read({ file: '/run/empty' }), 'ERR_FANOUT_OPTIONS: auth.token: the file /run/empty is empty')
})

t.test('what is hidden is taken out of a text, whole or by its words, also as it stands in a URL', async t => {
  const redactor = new Redactor(['segment-of-a-path'])
  redactor.hide(['Bearer s3cr3t-token', 'a+b/c d'])
  t.equal(redactor.redact('you sent "Bearer s3cr3t-token"'), 'you sent "[hidden]"')
  t.equal(redactor.redact('bad token s3cr3t-token at segment-of-a-path'), 'bad token [hidden] at [hidden]')
  t.equal(redactor.redact('a%2Bb%2Fc%20d'), '[hidden]')
  redactor.hide(['another'])
  t.equal(redactor.redact('another segment-of-a-path s3cr3t-token'), '[hidden] [hidden] s3cr3t-token', 'until something else is')
})

t.test('a longer secret goes before one that is a part of it, and a very short one hides nothing', async t => {
  const redactor = new Redactor(['abcd', 'abcdefgh', 'ab'])
  t.equal(redactor.redact('abcdefgh abcd ab'), '[hidden] [hidden] ab')
})
