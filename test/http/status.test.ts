import t from 'tap'
import { isRefusal, isSuccess } from '#lib/http/status'

t.test('a success is 2xx', async t => {
  for (const status of [200, 202, 204, 299]) t.ok(isSuccess(status), String(status))
  for (const status of [100, 199, 300, 301, 400, 503]) t.notOk(isSuccess(status), String(status))
})

t.test('a refusal is 4xx, but for those that are about who asks, when and where', async t => {
  for (const status of [400, 405, 409, 413, 415, 422, 499]) t.ok(isRefusal(status), String(status))
  for (const status of [200, 301, 401, 403, 404, 408, 429, 500, 503]) t.notOk(isRefusal(status), String(status))
})
