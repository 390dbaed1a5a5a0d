import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { readProxy, settleProxy, type Proxy } from '#lib/http/proxy'
import type { Secret } from '#lib/http/schema'
import { Faults } from '#lib/options/faults'

const PROXY = 'http://proxy.example:3128'

function proxyFor (origin: string, env: NodeJS.ProcessEnv, proxy?: false | Secret): Proxy | undefined {
  return readProxy({ origin, proxy }, { env, readFile: path => `${path}:8080\n` })
}

const isProxied = (origin: string, noProxy: string): boolean => proxyFor(origin, { HTTP_PROXY: PROXY, HTTPS_PROXY: PROXY, NO_PROXY: noProxy }) !== undefined

t.test('the proxy of the options is used, whatever the environment says', async t => {
  const env = { HTTPS_PROXY: 'http://other.example:1', NO_PROXY: '*' }
  t.same(proxyFor('https://logs.example', env, PROXY), { origin: PROXY, authorization: undefined, secrets: [] })
  t.equal(proxyFor('https://logs.example', env, 'proxy.example:3128')?.origin, PROXY, 'without a scheme')
  t.equal(proxyFor('https://logs.example', env, 'https://proxy.example')?.origin, 'https://proxy.example')
  t.equal(proxyFor('https://logs.example', { ...env, MY_PROXY: PROXY }, { env: 'MY_PROXY' })?.origin, PROXY)
  t.equal(proxyFor('https://logs.example', env, { file: 'http://of-a-file' })?.origin, 'http://of-a-file:8080')
  t.equal(proxyFor('https://logs.example', { HTTPS_PROXY: PROXY }, false), undefined)
})

t.test('the environment names a proxy for each scheme, and the variable in lower case comes first', async t => {
  const env = { HTTP_PROXY: 'http://for-http:1', HTTPS_PROXY: 'http://for-https:2' }
  t.equal(proxyFor('http://logs.example', env)?.origin, 'http://for-http:1')
  t.equal(proxyFor('https://logs.example', env)?.origin, 'http://for-https:2')
  t.equal(proxyFor('https://logs.example', { HTTP_PROXY: PROXY }), undefined)
  t.equal(proxyFor('https://logs.example', { ...env, https_proxy: PROXY })?.origin, PROXY)
  t.equal(proxyFor('https://logs.example', { ...env, https_proxy: '' }), undefined, 'an empty one means no proxy')
  t.equal(proxyFor('http://logs.example', { HTTP_PROXY: PROXY, no_proxy: '', NO_PROXY: '*' })?.origin, PROXY)
  t.equal(proxyFor('http://logs.example', { HTTP_PROXY: PROXY, no_proxy: '*', NO_PROXY: '' }), undefined)
  t.equal(proxyFor('http://logs.example', {}), undefined)
  t.equal(proxyFor('http://logs.example', { HTTP_PROXY: PROXY, REQUEST_METHOD: 'GET' }), undefined, 'a header of a request to a CGI program')
  t.equal(proxyFor('http://logs.example', { http_proxy: PROXY, REQUEST_METHOD: 'GET' })?.origin, PROXY)
})

t.test('NO_PROXY excludes names, domains, ports, addresses and ranges', async t => {
  const excluded: Array<[origin: string, noProxy: string]> = [
    ['http://logs.example', '*'],
    ['http://logs.example', 'other, *'],
    ['http://logs.example', 'LOGS.example'],
    ['http://logs.example', 'example'],
    ['http://logs.example', '.example'],
    ['http://logs.example', '*.example'],
    ['http://logs.example', 'example.'],
    ['http://logs.example.', 'logs.example'],
    ['http://logs.example', 'a.b logs.example'],
    ['http://logs.example:3100', 'logs.example:3100'],
    ['https://logs.example', 'logs.example:443'],
    ['http://logs.example', 'logs.example:80'],
    ['http://127.0.0.1:3100', '127.0.0.1'],
    ['http://10.1.2.3', '10.0.0.0/8'],
    ['http://10.1.2.3:3100', '10.0.0.0/8:3100'],
    ['http://[::1]', '::1'],
    ['http://[::1]:3100', '[::1]:3100'],
    ['http://[::1]', '0:0:0:0:0:0:0:1'],
    ['http://[fd00::12]', 'fd00::/8']
  ]
  for (const [origin, noProxy] of excluded) t.notOk(isProxied(origin, noProxy), `${origin} with ${noProxy}`)
  const included: Array<[origin: string, noProxy: string]> = [
    ['http://logs.example', ''],
    ['http://logs.example', ' , '],
    ['http://logs.example', '.'],
    ['http://logs.example', 'ogs.example'],
    ['http://logs.example', 'logs.example.org'],
    ['http://logs.example', 'logs.example:3100'],
    ['https://logs.example', 'logs.example:80'],
    ['http://11.1.2.3', '10.0.0.0/8'],
    ['http://logs.example', '10.0.0.0/8'],
    ['http://10.1.2.3', '10.0.0.0/33'],
    ['http://10.1.2.3', '10.0.0.0/'],
    ['http://10.1.2.3', '10.0.0.0/x'],
    ['http://[::1]', '127.0.0.1'],
    ['http://[fe00::12]', 'fd00::/8']
  ]
  for (const [origin, noProxy] of included) t.ok(isProxied(origin, noProxy), `${origin} with ${noProxy}`)
})

t.test('whatever NO_PROXY contains, a proxy is found or not, and nothing is thrown', async () => {
  fc.assert(fc.property(fc.stringMatching(/^[\w.*:/[\], -]*$/), noProxy => { isProxied('https://logs.example:8443', noProxy) }))
  fc.assert(fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, bits) => {
    assert.equal(isProxied(`http://${address}`, `${address}/${bits}`), false)
  }))
})

t.test('user and password are sent as basic credentials, and known as secrets in all their forms', async t => {
  const proxy = proxyFor('https://logs.example', {}, 'http://jo:p%40ss@proxy.example')
  const basic = Buffer.from('jo:p@ss').toString('base64')
  t.equal(proxy?.origin, 'http://proxy.example')
  t.equal(proxy?.authorization, `Basic ${basic}`)
  t.ok(['p@ss', 'jo:p@ss', basic].every(secret => proxy?.secrets.includes(secret)))
  t.equal(proxyFor('https://logs.example', {}, 'http://jo:50%@proxy.example')?.authorization, `Basic ${Buffer.from('jo:50%').toString('base64')}`)
})

t.test('what is no proxy is a fault that shows nothing of it', async t => {
  const faultsOf = (env: NodeJS.ProcessEnv, proxy?: Secret): Faults['list'] => {
    const faults = new Faults()
    settleProxy({ origin: 'https://logs.example', proxy }, { env, readFile: () => '' }, faults)
    return faults.list
  }
  const expected = 'the URL of an HTTP proxy, http:// or https://, without a path; special characters of a password are percent-encoded'
  for (const password of ['pass/word', '12345#word', '12345?word']) t.same(faultsOf({}, `http://user:${password}@proxy:3128`), [{ path: 'proxy', message: `expected ${expected}` }])
  t.same(faultsOf({}, 'socks5://jo:s3cr3t@proxy'), [{ path: 'proxy', message: `expected ${expected}` }])
  t.same(faultsOf({}, 'http://'), [{ path: 'proxy', message: `expected ${expected}` }])
  t.same(faultsOf({ https_proxy: 'socks5://jo:s3cr3t@proxy' }), [{ path: 'proxy', message: `the environment variable https_proxy is not ${expected}; with proxy: false it is ignored` }])
  t.same(faultsOf({ https_proxy: 'socks5://proxy', no_proxy: 'logs.example' }), [])
  t.same(faultsOf({}, { env: 'MY_PROXY' }), [{ path: 'proxy', message: 'the environment variable MY_PROXY is not set' }])
  t.throws(() => proxyFor('https://logs.example', {}, 'ftp://proxy'), { code: 'ERR_FANOUT_OPTIONS' })
})
