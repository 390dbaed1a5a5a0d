import t from 'tap'
import { parseOptions } from '#lib/options'
import { warnOfRuntime } from '#lib/runtime'

const options = {
  targets: [
    { name: 'app', target: 'pino/file', options: { destination: 'app.log' } },
    { name: 'pretty', target: 'pino-pretty' },
    { name: 'quiet', target: 'pino-pretty', sense: false },
    { name: 'http', target: 'pino-breaker-fanout/http', options: { url: 'http://127.0.0.1' } }
  ]
}
const { targets } = parseOptions(options, {})

t.test('Node.js can do everything', async t => {
  t.same(warnOfRuntime(process.versions, targets), [])
})

t.test('Bun does not show requests, which matters to a sink that is sensed', async t => {
  t.same(warnOfRuntime({ node: '24.0.0', bun: '1.0.0' }, targets), ['Bun does not show the requests of a sink: a failure that the transport of "pretty" hides will not be noticed.'])
  t.same(warnOfRuntime({ bun: '1.0.0' }, targets.slice(0, 1)), [])
})

t.test('Deno also runs no exit handlers at a crash', async t => {
  t.same(warnOfRuntime({ deno: '2.0.0' }, targets.slice(3)), ['Deno runs no exit handlers when an app crashes: lines from right before a crash may be lost.'])
  t.equal(warnOfRuntime({ deno: '2.0.0' }, targets).length, 2)
})
