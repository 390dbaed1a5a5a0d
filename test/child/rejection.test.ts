import t from 'tap'
import { toRejection } from '#lib/child/rejection'

const error = (fields: object): Error => Object.assign(new Error('no'), fields)

t.test('a rejection is a refusal if it says so, or by its status', async t => {
  for (const status of [400, 409, 413, 422, 499]) t.equal(toRejection(error({ statusCode: status }), 1).isRefusal, true, `${status}`)
  for (const status of [200, 302, 401, 402, 407, 421, 425, 426, 403, 404, 408, 429, 500, 503]) t.equal(toRejection(error({ status }), 1).isRefusal, false, `${status}`)
  t.equal(toRejection(error({ statusCode: 503, retryable: false }), 1).isRefusal, true)
  t.equal(toRejection(error({ statusCode: 400, retryable: true }), 1).isRefusal, false)
  t.equal(toRejection(error({ code: 'ECONNREFUSED' }), 1).isRefusal, false)
  t.equal(toRejection(error({ statusCode: 400, retryable: 'no' }), 1).isRefusal, true, 'what is no boolean says nothing')
  t.match(toRejection('no', 1), { reason: 'write-error', isRefusal: false, err: { message: 'no' } })
})

t.test('a rejection may ask for a pause', async t => {
  t.equal(toRejection(error({ retryAfterMs: 1500 }), 1).retryAfterMs, 1500)
  for (const wrong of [0, -1, NaN, '1500', null]) t.notOk('retryAfterMs' in toRejection(error({ retryAfterMs: wrong }), 1), String(wrong))
})

t.test('a rejection may tell what became of each line', async t => {
  const refused = [{ line: 3, reason: 'no such field', status: 400 }, { line: 0, reason: 'at http://user:secret@host' }]
  t.strictSame(toRejection(error({ statusCode: 207, refused, retry: [4, 2] }), 5).outcome, {
    refused: [{ line: 0, reason: 'at http://host' }, { line: 3, reason: 'no such field', status: 400 }],
    retry: [2, 4]
  })
  t.strictSame(toRejection(error({ retry: [0] }), 1).outcome, { refused: [], retry: [0] })
  t.strictSame(toRejection(error({ refused: [] }), 1).outcome, { refused: [], retry: [] })
  t.equal(toRejection(error({ refused: [{ line: 0, reason: 'x'.repeat(5000) }] }), 1).outcome?.refused[0]?.reason.length, 1000)
})

t.test('a rejection may have a remark on the batch, which has arrived but for lines that are not named', async t => {
  t.strictSame(toRejection(error({ remark: { rejectedLines: 2, text: 'at http://user:secret@host' } }), 3).outcome, { refused: [], retry: [], remark: { rejectedLines: 2, text: 'at http://host' } })
  t.strictSame(toRejection(error({ retry: [0], refused: [{ line: 1, reason: 'no' }], remark: { rejectedLines: 1, text: '' } }), 4).outcome?.remark, { rejectedLines: 1, text: '' })
  t.strictSame(toRejection(error({ remark: { rejectedLines: 0, text: 'x'.repeat(5000) } }), 1).outcome?.remark, { rejectedLines: 0, text: 'x'.repeat(1000) })
})

t.test('what cannot have become of lines is a failure of the whole batch, and says why', async t => {
  const wrong: Array<[fields: object, message: string]> = [
    [{ retry: [5] }, 'wrong retry[0]: expected the place of a line, an integer from 0 to 4, got 5'],
    [{ retry: [0, -1] }, 'wrong retry[1]: expected the place of a line, an integer from 0 to 4, got -1'],
    [{ retry: [0.5] }, 'wrong retry[0]: expected the place of a line, an integer from 0 to 4, got 0.5'],
    [{ retry: ['1'] }, 'wrong retry[0]: expected the place of a line, an integer from 0 to 4, got 1'],
    [{ retry: [1, 1] }, 'wrong retry[1]: there is more than one fate for line 1'],
    [{ refused: [{ line: 1, reason: '' }], retry: [1] }, 'wrong retry[0]: there is more than one fate for line 1'],
    [{ refused: [{ line: 7, reason: '' }] }, 'wrong refused[0].line: expected the place of a line, an integer from 0 to 4, got 7'],
    [{ refused: [{ line: 0 }] }, 'wrong refused[0].reason: expected a string, got undefined'],
    [{ refused: [null] }, 'wrong refused[0].line: expected the place of a line, an integer from 0 to 4, got undefined'],
    [{ refused: 1 }, 'wrong refused: expected an array, got number'],
    [{ retry: 'all' }, 'wrong retry: expected an array, got string'],
    [{ remark: { rejectedLines: 5, text: '' } }, 'wrong remark.rejectedLines: expected an integer from 0 to 4, got 5'],
    [{ retry: [0, 1], remark: { rejectedLines: 3, text: '' } }, 'wrong remark.rejectedLines: expected an integer from 0 to 2, got 3'],
    [{ retry: [0, 1, 2, 3, 4], remark: { rejectedLines: 1, text: '' } }, 'wrong remark.rejectedLines: expected an integer from 0 to 0, got 1'],
    [{ remark: { rejectedLines: -1, text: '' } }, 'wrong remark.rejectedLines: expected an integer from 0 to 4, got -1'],
    [{ remark: { rejectedLines: 0.5, text: '' } }, 'wrong remark.rejectedLines: expected an integer from 0 to 4, got 0.5'],
    [{ remark: { rejectedLines: '1', text: '' } }, 'wrong remark.rejectedLines: expected an integer from 0 to 4, got 1'],
    [{ remark: null }, 'wrong remark.rejectedLines: expected an integer from 0 to 4, got undefined'],
    [{ remark: { rejectedLines: 1 } }, 'wrong remark.text: expected a string, got undefined']
  ]
  for (const [fields, message] of wrong) {
    const rejection = toRejection(error({ statusCode: 400, retryAfterMs: 5, ...fields }), 5)
    t.match(rejection, { reason: 'write-error', retryAfterMs: 5, outcome: undefined, err: { code: 'ERR_FANOUT_SINK_INVALID', message: `ERR_FANOUT_SINK_INVALID: the error of a send has a ${message}` } })
    t.notOk(rejection.isRefusal)
  }
})

t.test('what throws when it is looked at does no harm', async t => {
  const hostile = { get retryable () { throw new Error('ha') }, get refused () { throw new Error('ha') }, message: 'no' }
  t.match(toRejection(hostile, 1), { reason: 'write-error', isRefusal: false })
})

t.test('a rejection can be cloned, whatever the error bears', async t => {
  const rejection = toRejection(error({ statusCode: 400, refused: [{ line: 0, reason: 'no', status: 400, extra: () => {} }] }), 1)
  t.strictSame(structuredClone(rejection), rejection)
})
