import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { cutPart, indexesOf } from '#lib/http/batch-part'
import { SendReport, sendErrorOf, type SendError } from '#lib/http/send-report'
import { partOf } from '../support/http-sinks.js'

const origin = 'http://logs:80'
const parts = cutPart(partOf(['a', 'b', 'c', 'd', 'e', 'f']), 4)
const [first, second, third] = parts as [typeof parts[0], typeof parts[0], typeof parts[0]]
const nothing = { refused: [], retry: [] }

/** The error that a report throws. */
function thrownBy (report: SendReport): SendError | undefined {
  try {
    report.throwIfAny()
    return undefined
  } catch (error) {
    return error as SendError
  }
}

t.test('nothing is thrown if all lines have arrived', async t => {
  const report = new SendReport(origin, 6)
  for (const part of [first, second, third]) if (part !== undefined) report.taken(nothing)
  t.equal(thrownBy(report), undefined)
  t.equal(report.hasFailed, false)
})

t.test('refused lines are reported in order, and alone are no failure of the backend', async t => {
  const report = new SendReport(origin, 6)
  report.taken({ refused: [{ line: 4, reason: 'later', status: 400 }], retry: [] })
  report.taken({ refused: [{ line: 1, reason: 'bad field', status: 400 }], retry: [] })
  t.equal(report.hasFailed, false)
  const error = thrownBy(report)
  t.match(error, { message: /refused 2 of 6 lines, the first: later$/, refused: [{ line: 1 }, { line: 4 }], retry: [] })
  t.equal(error?.statusCode, undefined)
  t.equal(error?.retryable, undefined)
})

t.test('remarks on several parts are one remark on the batch, and no failure', async t => {
  const report = new SendReport(origin, 6)
  report.taken({ ...nothing, remark: { rejectedLines: 1, text: 'too old' } })
  report.taken(nothing)
  report.taken({ ...nothing, remark: { rejectedLines: 1, text: 'too new' } })
  t.equal(report.hasFailed, false)
  t.match(thrownBy(report), { message: /refused 2 of 6 lines without naming them, and says: too old$/, remark: { rejectedLines: 2, text: 'too old' }, refused: [], retry: [] })
})

t.test('after a failure, the lines of that part and those not sent are to be sent again, with the status and the wait of the failure', async t => {
  const report = new SendReport(origin, 6)
  report.taken(nothing)
  report.failed(second, sendErrorOf('busy', { statusCode: 503, retryAfterMs: 1000, retryable: true }))
  t.equal(report.hasFailed, true)
  report.unsent(third)
  const error = thrownBy(report)
  t.match(error, { message: /4 of 6 lines are to be sent again: busy$/, retry: [2, 3, 4, 5], refused: [], statusCode: 503, retryAfterMs: 1000, cause: { message: /busy/ } })
  t.equal(error?.retryable, undefined, 'the error is not about the whole batch')
})

t.test('if no line has arrived, the failure itself is thrown', async t => {
  const report = new SendReport(origin, 6)
  const failure = sendErrorOf('no', { statusCode: 400, retryable: false })
  report.failed(first, failure)
  for (const part of [second, third]) report.unsent(part)
  t.equal(thrownBy(report), failure)
})

t.test('only the first failure is reported', async t => {
  const report = new SendReport(origin, 6)
  report.taken({ refused: [], retry: [0], retryReason: { status: 429, reason: 'queue full' } })
  report.failed(second, 'a text')
  t.match(thrownBy(report), { statusCode: 429, message: /429: queue full/, retry: [0, 2, 3] })
  const thrown = new SendReport(origin, 6)
  thrown.taken(nothing)
  thrown.failed(second, 'a text')
  t.match(thrownBy(thrown), { message: /sent again: a text$/ })
})

t.test('every line has exactly one outcome: it has arrived, is refused, or is to be sent again', async () => {
  const outcome = fc.constantFrom('taken', 'refused', 'no room', 'failed', 'unsent')
  fc.assert(fc.property(fc.array(outcome, { minLength: 3, maxLength: 3 }), outcomes => {
    const report = new SendReport(origin, 6)
    const arrived: number[] = []
    for (const [index, outcome] of outcomes.entries()) {
      const part = parts[index] as typeof parts[0]
      const [line = 0, other = 0] = part === undefined ? [] : indexesOf(part)
      if (part === undefined) continue
      if (outcome === 'failed') report.failed(part, new Error('no'))
      else if (outcome === 'unsent') report.unsent(part)
      else {
        arrived.push(...outcome === 'taken' ? [line, other] : [other])
        report.taken({
          refused: outcome === 'refused' ? [{ line, reason: 'bad' }] : [],
          retry: outcome === 'no room' ? [line] : [],
          ...outcome === 'no room' && { retryReason: { status: 429, reason: 'full' } }
        })
      }
    }
    const error = thrownBy(report)
    const listed = [...error?.refused?.map(({ line }) => line) ?? [], ...error?.retry ?? []]
    // A failure without a list of lines applies to all lines.
    if (error !== undefined && error.retry === undefined) assert.deepEqual(arrived, [])
    else assert.deepEqual([...arrived, ...listed].sort(), [0, 1, 2, 3, 4, 5])
  }))
})
