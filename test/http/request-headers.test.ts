import t from 'tap'
import { RequestHeaders } from '#lib/http/request-headers'
import { Redactor } from '#lib/http/redactor'
import { type SecretSources } from '#lib/http/secrets'
import { settingsOf } from '../support/http-sinks.js'

function headersOf (options: Record<string, unknown>, files: Record<string, string> = {}) {
  const redactor = new Redactor()
  const sources: SecretSources = {
    env: { USER_NAME: 'jo' },
    readFile (path) {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' })
      return text
    }
  }
  return { redactor, files, headers: new RequestHeaders(settingsOf(options), redactor, sources) }
}

t.test('headers have lower-case names, and their values come from text, environment or file', async t => {
  const { headers } = headersOf({ headers: { 'X-Scope-OrgID': 'tenant', 'X-Key': { file: '/key' } } }, { '/key': 'k3y\n' })
  t.same(headers.values, { 'x-scope-orgid': 'tenant', 'x-key': 'k3y' })
})

t.test('authorization is basic, a token, or from the URL', async t => {
  const authorizationOf = (options: Record<string, unknown>) => headersOf(options, { '/token': 't0k3n' }).headers.values['authorization']
  t.equal(authorizationOf({ auth: { user: { env: 'USER_NAME' }, password: 'pä:ss' } }), `Basic ${Buffer.from('jo:pä:ss').toString('base64')}`)
  t.equal(authorizationOf({ auth: { token: { file: '/token' } } }), 'Bearer t0k3n')
  t.equal(authorizationOf({ auth: { token: 'x', scheme: 'ApiKey' } }), 'ApiKey x')
  t.equal(authorizationOf({ auth: { token: 'x' }, format: 'splunk' }), 'Splunk x')
  t.equal(authorizationOf({ url: 'http://jo%40x:p%25w@127.0.0.1/' }), `Basic ${Buffer.from('jo@x:p%w').toString('base64')}`)
  t.equal(authorizationOf({ url: 'http://jo:100%@127.0.0.1/' }), `Basic ${Buffer.from('jo:100%').toString('base64')}`)
  t.equal(authorizationOf({ url: 'http://jo:url@127.0.0.1/', auth: { token: 'x' } }), 'Bearer x')
  t.equal(authorizationOf({}), undefined)
})

t.test('all secrets that cannot be read are reported at once', async t => {
  t.throws(() => headersOf({ headers: { 'x-a': { env: 'NONE' } }, auth: { token: { file: '/none' } } }), {
    message: 'ERR_FANOUT_OPTIONS: headers["x-a"]: the environment variable NONE is not set\n  auth.token: the file /none cannot be read (ENOENT)'
  })
})

t.test('a secret with a character that a header cannot have is reported without its value', async t => {
  t.throws(() => headersOf({ auth: { token: 's3cr3t\r\nx-injected: 1' } }), { message: 'ERR_FANOUT_OPTIONS: auth.token: contains a character that a header cannot have' })
})

t.test('refresh() reads a secret that was replaced in its file', async t => {
  const { headers, files, redactor } = headersOf({ auth: { token: { file: '/token' } } }, { '/token': 'old-token' })
  t.equal(headers.refresh(), false, 'nothing has changed')
  files['/token'] = 'new-token'
  t.equal(headers.values['authorization'], 'Bearer old-token')
  t.equal(headers.refresh(), true)
  t.equal(headers.values['authorization'], 'Bearer new-token')
  t.equal(redactor.redact('new-token'), '[hidden]')
  delete files['/token']
  t.equal(headers.refresh(), false)
  t.equal(headers.values['authorization'], 'Bearer new-token', 'a file that is missing for a moment changes nothing')
})

t.test('every secret value is hidden, and also its encoded form', async t => {
  const { redactor, headers } = headersOf({ auth: { user: 'joanna', password: 'hunter22' }, headers: { 'x-key': 'k3y-of-x' } })
  t.equal(redactor.redact(`joanna hunter22 k3y-of-x ${headers.values['authorization']}`), '[hidden] [hidden] [hidden] [hidden]')
})
