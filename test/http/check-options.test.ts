import t from 'tap'
import { checkHttpOptions } from '#lib/http/check-options'

t.test('a proxy of the environment that cannot be used is a fault, unless the options turn it off', async t => {
  const env = { HTTPS_PROXY: 'socks5://jo:s3cr3t@proxy.example' }
  const url = 'https://logs.example'
  t.match(checkHttpOptions({ url }, env).list, [{ path: 'proxy', message: /^the environment variable HTTPS_PROXY is not the URL of an HTTP proxy/ }])
  t.same(checkHttpOptions({ url, proxy: false }, env).list, [])
  t.same(checkHttpOptions({ url: 'http://logs.example' }, env).list, [], 'it is not for this URL')
  t.match(checkHttpOptions({ url, proxy: { env: 'MY_PROXY' } }, env).list, [{ path: 'proxy', message: 'the environment variable MY_PROXY is not set' }])
})
