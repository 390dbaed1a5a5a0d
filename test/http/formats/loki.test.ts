import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { createLokiFormat } from '#lib/http/formats/loki'
import { bareLine, pinoLine } from '../../support/arbitrary-lines.js'
import { bodyOf, partOf, settingsOf } from '../../support/http-sinks.js'

interface Push { streams: Array<{ stream: Record<string, string>, values: Array<[string, string]> }> }

const NOW = 1600000000000

function push (lines: readonly string[], options: Record<string, unknown> = {}): Push {
  return JSON.parse(bodyOf(createLokiFormat(settingsOf({ format: 'loki', ...options }), () => NOW), partOf(lines)).toString()) as Push
}

t.test('every line is in the stream of its level, unchanged and in order', async () => {
  fc.assert(fc.property(fc.array(fc.oneof(bareLine, pinoLine), { minLength: 1 }), lines => {
    const { streams } = push(lines)
    assert.equal(new Set(streams.map(({ stream }) => JSON.stringify(stream))).size, streams.length)
    const sent = streams.flatMap(({ values }) => values.map(([, line]) => line))
    assert.deepEqual([...sent].sort(), [...lines].sort())
    for (const { values } of streams) {
      let from = 0
      for (const [ns, line] of values) {
        assert.match(ns, /^\d+$/)
        from = lines.indexOf(line, from) + 1
        assert.ok(from > 0, 'in order')
      }
    }
  }))
})

t.test('a stream has the labels, and the level as a name', async t => {
  const lines = ['{"level":30,"time":1}', '{"level":50,"time":1}', '{"level":35,"time":1}', '{"level":"audit","time":1}']
  t.same(push(lines, { labels: { app: 'shop' } }).streams.map(({ stream }) => stream), [
    { app: 'shop', level: 'info' }, { app: 'shop', level: 'error' }, { app: 'shop', level: '35' }, { app: 'shop', level: 'audit' }
  ])
  t.same(push(lines, { labels: { app: 'shop' }, levelLabel: 'severity' }).streams[0]?.stream, { app: 'shop', severity: 'info' })
})

t.test('without a label for the level all lines are in one stream', async t => {
  const { streams } = push(['{"level":30}', '{"level":50}'], { labels: { app: 'shop' }, levelLabel: false })
  t.same(streams.map(({ stream, values }) => [stream, values.length]), [[{ app: 'shop' }, 2]])
})

t.test('every stream has a label, since Loki refuses streams without one', async t => {
  t.same(push(['{"level":30}'], { levelLabel: false }).streams.map(({ stream }) => stream), [{ job: 'pino' }])
  t.same(push(['no level']).streams.map(({ stream }) => stream), [{ job: 'pino' }])
})

t.test('the time of a line is its own, in nanoseconds, or the time of sending', async t => {
  const { streams } = push(['{"level":30,"time":1700000000123,"msg":"a"}', '{"level":30,"msg":"b"}'])
  t.same(streams[0]?.values.map(([ns]) => ns), ['1700000000123000000', '1600000000000000000'])
  t.same(push(['{"severity":"warn","at":1700000000}'], { levelKey: 'severity', timeKey: 'at' }).streams, [
    { stream: { level: 'warn' }, values: [['1700000000000000000', '{"severity":"warn","at":1700000000}']] }
  ])
})

t.test('if a push is refused because some lines are too old, only these lines are refused', async t => {
  const format = createLokiFormat(settingsOf({ format: 'loki', labels: { app: 'shop' } }), () => NOW)
  const part = { ...partOf(['{"level":30,"time":1700000000000}', '{"level":30,"time":1800000000000}', '{"level":30}']), first: 5 }
  const body = "entry with timestamp 2020-09-13 12:26:40 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: 2020-09-13T12:26:40Z, oldest acceptable timestamp is: 2023-11-15T00:00:00Z',\nuser 'fake', total ignored: 2 out of 3 for stream: {app=\"shop\", level=\"info\"}"
  const reason = 'entry too far behind, oldest acceptable timestamp is: 2023-11-15T00:00:00Z'
  t.same(format.readRefusal?.(part, 400, body), { refused: [{ line: 5, reason, status: 400 }, { line: 7, reason, status: 400 }], untold: [] })
  t.equal(format.readRefusal?.(part, 422, body), undefined)
  t.equal(format.readRefusal?.(part, 400, 'no such tenant'), undefined)
})
