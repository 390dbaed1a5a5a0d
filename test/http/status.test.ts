import t from 'tap'
import { isSuccess } from '#lib/http/status'

t.test('a success is 2xx', async t => {
  for (const status of [200, 202, 204, 299]) t.ok(isSuccess(status), String(status))
  for (const status of [100, 199, 300, 301, 400, 503]) t.notOk(isSuccess(status), String(status))
})
