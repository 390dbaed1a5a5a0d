import t from 'tap'
import { parseRetryAfter } from '#lib/http/retry-after'

const now = Date.UTC(2024, 4, 5, 12, 0, 0)

t.test('a number is a wait in seconds', async t => {
  t.equal(parseRetryAfter('0', now), 0)
  t.equal(parseRetryAfter(' 120 ', now), 120000)
  t.equal(parseRetryAfter('99999999999999999999', now), Number.MAX_SAFE_INTEGER)
})

t.test('a date, in any of the three forms that HTTP has, is a wait until then', async t => {
  t.equal(parseRetryAfter('Sun, 05 May 2024 12:01:30 GMT', now), 90000)
  t.equal(parseRetryAfter('Sunday, 05-May-24 12:01:30 GMT', now), 90000)
  t.equal(parseRetryAfter('Sun May  5 12:01:30 2024 GMT', now), 90000)
})

t.test('a past date means no wait', async t => {
  t.equal(parseRetryAfter('Sun, 05 May 2024 11:00:00 GMT', now), 0)
})

t.test('any other value is ignored', async t => {
  for (const value of [undefined, '', '-3', '1.5', 'soon', '5 s', '2024-05-05T12:01:30Z']) t.equal(parseRetryAfter(value, now), undefined, String(value))
})
