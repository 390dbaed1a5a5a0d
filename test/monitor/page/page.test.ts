import { createHash } from 'node:crypto'
import t from 'tap'
import { page } from '#lib/monitor/page/page'

const policy = new Map((page.headers['content-security-policy'] ?? '').split('; ').map(directive => [directive.split(' ', 1)[0], directive.slice(directive.indexOf(' ') + 1)]))
const hashOf = (text: string | undefined): string => `'sha256-${createHash('sha256').update(text ?? '').digest('base64')}'`

t.test('the policy admits the one script and the one style of the page by their hashes, and nothing else', async t => {
  const scripts = [...page.html.matchAll(/<script[^>]*>(.*?)<\/script>/gs)]
  const styles = [...page.html.matchAll(/<style[^>]*>(.*?)<\/style>/gs)]
  t.equal(scripts.length, 1)
  t.equal(styles.length, 1)
  t.equal(policy.get('default-src'), "'none'")
  t.equal(policy.get('script-src'), hashOf(scripts[0]?.[1]))
  t.equal(policy.get('style-src'), hashOf(styles[0]?.[1]))
  t.equal(policy.get('connect-src'), "'self'")
  t.equal(policy.get('img-src'), 'data:')
  for (const directive of ['base-uri', 'form-action', 'frame-ancestors']) t.equal(policy.get(directive), "'none'")
  t.equal(policy.get('require-trusted-types-for'), "'script'")
  t.notMatch(page.headers['content-security-policy'], /unsafe|\*|https?:/)
})

t.test('the page asks for nothing from elsewhere, and has no handlers and no styles in its markup', async t => {
  const markup = page.html.replace(/<(script|style)>.*?<\/\1>/gs, '')
  t.notMatch(markup, /\s(?:on\w+|style)=/)
  t.same([...markup.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url).sort(), ['#main', 'data:,', 'metrics', 'snapshot.json'])
  t.notMatch(page.html, /@import|url\(|\beval\(|innerHTML|insertAdjacentHTML|document\.write/)
  t.same([...page.html.matchAll(/https?:\/\/[^\s"'`)]+/g)].map(([url]) => url).filter(url => url !== 'http://www.w3.org/2000/svg'), [])
})

t.test('the page is small', async t => {
  t.ok(Buffer.byteLength(page.html) < 60_000)
})
