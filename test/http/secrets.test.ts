import t from 'tap'
import { readSecret, systemSources, type SecretSources } from '#lib/http/secrets'
import { Faults } from '#lib/options/faults'

const sources: SecretSources = {
  env: { TOKEN: 'from the environment', EMPTY: '' },
  readFile (path) {
    if (path === '/run/token') return 'from a file\r\n'
    if (path === '/run/empty') return '\n'
    throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
  }
}

/** The value of a secret, or the fault that is reported. */
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

t.test('a secret is a text, the value of an environment variable, or the content of a file without its last newline', async t => {
  t.equal(read('plain'), 'plain')
  t.equal(read({ env: 'TOKEN' }), 'from the environment')
  t.equal(read({ file: '/run/token' }), 'from a file')
  t.equal(systemSources.readFile('LICENSE').includes('MIT'), true)
})

t.test('a secret that cannot be read is reported with its place', async t => {
  t.equal(read({ env: 'NONE' }), 'ERR_FANOUT_OPTIONS: auth.token: the environment variable NONE is not set')
  t.equal(read({ env: 'EMPTY' }), 'ERR_FANOUT_OPTIONS: auth.token: the environment variable EMPTY is not set')
  t.equal(read({ file: '/nowhere' }), 'ERR_FANOUT_OPTIONS: auth.token: the file /nowhere cannot be read (ENOENT)')
  t.equal(read({ file: '/run/empty' }), 'ERR_FANOUT_OPTIONS: auth.token: the file /run/empty is empty')
})
