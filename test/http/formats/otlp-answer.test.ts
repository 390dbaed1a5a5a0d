import t from 'tap'
import { createOtlpFormat } from '#lib/http/formats/otlp'
import { readOtlpAnswer } from '#lib/http/formats/otlp-answer'
import { partOf, settingsOf } from '../../support/http-sinks.js'

const part = partOf(['a', 'b', 'c'])
const nothing = { refused: [], retry: [] }

t.test('an answer of success says that all lines have arrived', async t => {
  for (const body of ['{}', '', ' ', '{"partialSuccess":{}}', '{"partialSuccess":null}', '{"partialSuccess":{"rejectedLogRecords":"0"}}', '{"partialSuccess":{"rejectedLogRecords":0,"errorMessage":""}}', 'OK', 'null', '[]', '1', '{"partialSuccess":{"rejectedLogRecords":-1}}', '{"partialSuccess":{"rejectedLogRecords":"many"}}', '{"partialSuccess":{"rejectedLogRecords":[2]}}']) {
    t.strictSame(readOtlpAnswer(part, body), nothing, body)
  }
})

t.test('some rejected records are a remark, since nobody knows which they were', async t => {
  t.strictSame(readOtlpAnswer(part, '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}'), { ...nothing, remark: { rejectedLines: 2, text: 'too old' } })
  t.strictSame(readOtlpAnswer(part, '{"partialSuccess":{"rejectedLogRecords":1}}'), { ...nothing, remark: { rejectedLines: 1, text: 'the backend gives no reason' } })
})

t.test('if all records were rejected, each line is refused', async t => {
  for (const count of [3, '3', 7]) {
    t.strictSame(readOtlpAnswer({ ...part, first: 4 }, JSON.stringify({ partialSuccess: { rejectedLogRecords: count, errorMessage: 'no' } })), {
      refused: [4, 5, 6].map(line => ({ line, reason: 'no', status: 200 })), retry: []
    })
  }
})

t.test('a web page is no answer', async t => {
  t.throws(() => readOtlpAnswer(part, '\n<!doctype html><title>Log in</title>'))
})

t.test('a warning is told at most once an hour, and again if it is another one; rejected records are always told', async t => {
  let now = 0
  const format = createOtlpFormat(settingsOf({ format: 'otlp' }), () => now)
  const read = (partialSuccess: object): unknown => format.readOutcomes?.(part, JSON.stringify({ partialSuccess })).remark
  const [old, other] = ['old', 'other'].map(errorMessage => ({ errorMessage }))
  t.strictSame(read(old as object), { rejectedLines: 0, text: 'old' })
  now += 3599999
  t.equal(read(old as object), undefined)
  now += 1
  t.ok(read(old as object))
  t.ok(read(other as object))
  t.ok(read(old as object))
  for (let time = 0; time < 2; time++) t.strictSame(read({ rejectedLogRecords: '1', errorMessage: 'old' }), { rejectedLines: 1, text: 'old' })
})
