import t from 'tap'
import { Access, type Requester } from '#lib/monitor/access'
import { RequestError } from '#lib/monitor/request-error'

const open = new Access({ token: undefined, isLoopback: true })
const secret = new Access({ token: 'sésame:1', isLoopback: false })

function refusal (access: Access, headers: Requester['headers'], method = 'GET'): string {
  try {
    access.checkSource({ method, headers })
    return 'none'
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    return `${error.status} ${error.code}`
  }
}

/** Node.js gives each byte of a header as one character. */
function asHeader (text: string): string {
  return Buffer.from(text).toString('latin1')
}

function basic (text: string | Buffer): string {
  return `Basic ${Buffer.from(text).toString('base64')}`
}

t.test('without a token everybody is admitted', async t => {
  t.ok(open.admits({ headers: {} }))
  t.ok(open.admits({ headers: { authorization: 'Bearer anything' } }))
})

t.test('the token is a bearer token, or the password of any user', async t => {
  for (const authorization of [asHeader('Bearer sésame:1'), asHeader('bearer  sésame:1'), basic('ops:sésame:1'), basic(':sésame:1'), basic('ops:sésame:1').replace('Basic', 'BASIC')]) {
    t.ok(secret.admits({ headers: { authorization } }), authorization)
  }
})

t.test('anything else is no token', async t => {
  const wrong = [
    undefined, '', 'Bearer', 'Bearer ', 'Basic', 'Basic ', 'Basic !', 'Bearer sésame:1', asHeader('Bearer sésame:'), asHeader('Bearer sésame:12'), asHeader('sésame:1'), asHeader('Digest sésame:1'),
    basic('sésame:1'), basic('sésame:1:'), basic(''), basic(':'), basic('ops:'), basic(Buffer.from([0, 0x3a, 0xff])), `Bearer ${'x'.repeat(7000)}`
  ]
  for (const authorization of wrong) t.notOk(secret.admits({ headers: { authorization } as Requester['headers'] }), String(authorization).slice(0, 50))
})

t.test('a request without the token is told how to bring one', async t => {
  try {
    secret.demandToken({ headers: {} })
    t.fail('it was let in')
  } catch (error) {
    t.match(error, { status: 401, headers: { 'www-authenticate': /^Basic realm="pino-breaker-fanout"/ } })
  }
  t.doesNotThrow(() => secret.demandToken({ headers: { authorization: asHeader('Bearer sésame:1') } }))
})

t.test('on a loopback address only this machine is a host', async t => {
  for (const host of ['127.0.0.1', '127.0.0.1:9464', 'localhost:1', 'LOCALHOST', '[::1]:9464', '127.1', 'app.localhost']) t.equal(refusal(open, { host }), 'none', host)
  for (const host of ['evil.example', 'evil.example:9464', '127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1', '127.0.0.1@evil.example', 'evil.example#@127.0.0.1', '', ':', '[', 'a b', '0.0.0.0:9464']) {
    t.equal(refusal(open, { host }), '403 foreign-host', host)
  }
  t.equal(refusal(open, {}), 'none', 'no browser leaves it out')
  t.equal(refusal(secret, { host: 'log.example' }), 'none', 'a server that others can reach has any name')
})

t.test('a page of another origin is refused, with every method', async t => {
  for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
    for (const origin of ['http://evil.example', 'http://127.0.0.1:1', 'http://localhost:9464', 'null', '', 'x', 'file://', 'http://127.0.0.1:9464.evil.example', 'data:,x']) {
      t.equal(refusal(open, { host: '127.0.0.1:9464', origin }, method), '403 foreign-origin', `${method} ${origin}`)
    }
    t.equal(refusal(open, { host: '127.0.0.1:9464', origin: 'http://127.0.0.1:9464' }, method), 'none')
    t.equal(refusal(open, { host: '127.0.0.1:9464' }, method), 'none', 'no browser sent it')
  }
  t.equal(refusal(open, { origin: 'http://evil.example' }), '403 foreign-origin', 'also without a host')
  t.equal(refusal(secret, { host: 'Log.example', origin: 'https://log.example' }), 'none', 'behind a proxy with TLS')
  t.equal(refusal(secret, { host: 'log.example:443', origin: 'https://log.example' }), 'none', 'the port of https may be left out')
  t.equal(refusal(secret, { host: 'log.example:443', origin: 'http://log.example' }), '403 foreign-origin')
})

t.test('what a browser says of the page counts, also if it sends no origin', async t => {
  const host = '127.0.0.1:9464'
  for (const site of ['cross-site', 'same-site', 'x']) {
    t.equal(refusal(open, { host, 'sec-fetch-site': site }, 'POST'), '403 foreign-origin', site)
    t.equal(refusal(open, { host, 'sec-fetch-site': site }, 'GET'), 'none', 'a link from another page may lead here')
    t.equal(refusal(open, { host, 'sec-fetch-site': site, origin: 'http://evil.example' }, 'GET'), '403 foreign-origin')
  }
  t.equal(refusal(open, { host, 'sec-fetch-site': 'none' }, 'POST'), 'none')
  t.equal(refusal(open, { host, 'sec-fetch-site': 'same-origin', origin: 'https://ops.example' }, 'POST'), 'none', 'a proxy has changed the host')
})
