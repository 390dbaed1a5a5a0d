import fc from 'fast-check'
import t from 'tap'
import type { Part } from '#lib/http/part'
import { linesOf } from '#lib/http/part'
import { RequestSize } from '#lib/http/request-size'
import { SendReport } from '#lib/http/send-report'
import { Sending, type PartResult, type SendingDeps } from '#lib/http/sending'
import { partOf } from '../support/http-sinks.js'

type Verdict = 'taken' | 'broken-off' | 'failed'
interface Outcome { taken: string[], refused: number[], retry: number[] | 'all', requests: Part[] }

/** Sends lines to a backend that judges each request, and tells what became of them. */
async function send (lines: readonly string[], judge: (part: Part, n: number) => Verdict, more: Partial<SendingDeps> = {}): Promise<Outcome> {
  const outcome: Outcome = { taken: [], refused: [], retry: [], requests: [] }
  const request = async (part: Part): Promise<PartResult> => {
    outcome.requests.push(part)
    const verdict = judge(part, outcome.requests.length)
    if (verdict === 'taken') outcome.taken.push(...linesOf(part))
    return verdict === 'taken' ? { kind: 'taken', outcomes: { refused: [], retry: [] } } : { kind: verdict, error: new Error(verdict) }
  }
  const report = new SendReport('http://backend', lines.length)
  await new Sending({ request, size: new RequestSize(), report, redelivers: true, attempt: 1, ...more }).run([partOf(lines)], 1)
  try {
    report.throwIfAny()
  } catch (error) {
    const { refused = [], retry } = error as { refused?: Array<{ line: number }>, retry?: number[] }
    outcome.refused = refused.map(({ line }) => line)
    outcome.retry = retry ?? 'all'
  }
  return outcome
}

const lines = Array.from({ length: 1000 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(100) }))
const takesUpTo = (bytes: number) => (part: Part): Verdict => part.bytes.length <= bytes ? 'taken' : 'broken-off'

t.test('a request that is broken off for its size is sent in smaller ones, in order, and the size is learned', async t => {
  const size = new RequestSize()
  const first = await send(lines, takesUpTo(10000), { size })
  t.same(first.taken, lines)
  t.same([first.refused, first.retry], [[], []])
  t.ok(size.limit <= 10000 && size.limit > 1000, String(size.limit))
  const second = await send(lines, takesUpTo(10000), { size })
  t.same(second.taken, lines)
  t.same(second.requests.filter(({ bytes }) => bytes.length > 20000), [])
})

t.test('a backend that breaks off everything is asked a few times for each attempt, and teaches no size', async t => {
  for (const attempt of [1, 3]) {
    const size = new RequestSize()
    const outcome = await send(lines, () => 'broken-off', { size, attempt })
    t.equal(outcome.retry, 'all')
    t.same(outcome.taken, [])
    t.ok(outcome.requests.length <= 6, String(outcome.requests.length))
    t.equal(size.limit, Infinity)
  }
})

t.test('a break of what was taken before is a failure of the backend, and not tried in pieces', async t => {
  const size = new RequestSize()
  size.take(1e6)
  const outcome = await send(lines, () => 'broken-off', { size })
  t.equal(outcome.requests.length, 1)
  t.equal(outcome.retry, 'all')
})

t.test('a limit that was not there before is found after some breaks', async t => {
  const size = new RequestSize()
  size.take(1e6)
  const outcomes = [await send(lines, takesUpTo(10000), { size }), await send(lines, takesUpTo(10000), { size }), await send(lines, takesUpTo(10000), { size })]
  t.same(outcomes.map(({ taken }) => taken.length), [0, 0, 1000])
})

t.test('a line that is always broken off by itself is refused, and it alone', async t => {
  for (const guilty of [1, 137, 500, 990]) {
    const outcome = await send(lines, part => linesOf(part).includes(lines[guilty] as string) ? 'broken-off' : 'taken')
    t.same(outcome.refused, [guilty])
    t.same(outcome.retry, [])
    t.same(outcome.taken, lines.filter((_, n) => n !== guilty))
  }
})

t.test('a line that is longer than a proxy lets through is refused, among others that are not', async t => {
  const long = lines.with(300, JSON.stringify({ text: 'y'.repeat(50000) }))
  const outcome = await send(long, takesUpTo(20000))
  t.same(outcome.refused, [300])
  t.same(outcome.taken, lines.filter((_, n) => n !== 300))
})

t.test('the first line keeps the others for some attempts, and no longer', async t => {
  const judge = (part: Part): Verdict => part.first === 0 ? 'broken-off' : 'taken'
  t.match(await send(lines, judge, { attempt: 2 }), { taken: [], refused: [], retry: 'all' })
  const patient = await send(lines, judge, { attempt: 3 })
  t.same(patient.refused, [0])
  t.same(patient.taken, lines.slice(1))
})

t.test('a last line that is broken off by itself is sent again, since nothing tells whether it is to blame', async t => {
  const outcome = await send(lines, part => linesOf(part).includes(lines[999] as string) ? 'broken-off' : 'taken')
  t.same(outcome.retry, [999])
  t.same(outcome.refused, [])
})

t.test('a backend that dies while a request is sent in pieces is a failure, and no line is to blame', async t => {
  const outcome = await send(lines, (part, n) => n > 1 && n < 12 ? takesUpTo(2000)(part) : 'broken-off')
  t.same(outcome.refused, [])
  t.ok(outcome.taken.length > 0)
  t.same([...outcome.taken, ...(outcome.retry as number[]).map(n => lines[n])], lines)
})

t.test('where every second request is broken off, no line is to blame', async t => {
  const outcome = await send(lines, (_, n) => n % 2 === 1 ? 'broken-off' : 'taken')
  t.same(outcome.refused, [])
})

t.test('what must not be sent again is not: the size is learned for what comes next', async t => {
  const size = new RequestSize()
  const outcome = await send(lines, takesUpTo(10000), { size, redelivers: false })
  t.equal(outcome.requests.length, 1)
  t.equal(outcome.retry, 'all')
  t.ok(size.limit < Infinity)
  t.equal((await send(lines.slice(0, 1), () => 'broken-off', { redelivers: false, attempt: 5 })).requests.length, 1)
})

t.test('whatever a backend breaks off or fails, every line has one fate', async t => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 60 }),
    fc.array(fc.constantFrom<Verdict>('taken', 'taken', 'broken-off', 'failed'), { maxLength: 200 }),
    fc.integer({ min: 1, max: 5 }),
    async (lengths, verdicts, attempt) => {
      const all = lengths.map((length, n) => JSON.stringify({ n, text: 'x'.repeat(length) }))
      const { taken, refused, retry } = await send(all, (_, n) => verdicts[n - 1] ?? 'taken', { attempt })
      const returned = retry === 'all' ? all.map((_, n) => n) : retry
      t.same([...taken, ...refused.map(n => all[n]), ...returned.map(n => all[n])].sort(), [...all].sort())
    }
  ))
})
