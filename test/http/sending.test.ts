import fc from 'fast-check'
import t from 'tap'
import type { BatchPart } from '#lib/http/batch-part'
import { linesOf } from '#lib/http/batch-part'
import { RequestSize } from '#lib/http/request-size'
import { SendReport } from '#lib/http/send-report'
import { Sending, type PartResult, type SendingDeps } from '#lib/http/sending'
import { partOf } from '../support/http-sinks.js'

type Verdict = 'taken' | 'broken-off' | 'failed'
interface Outcome { taken: string[], refused: number[], retry: number[] | 'all', requests: BatchPart[] }

/** Sends lines to a backend that decides about each request, and returns their outcomes. */
async function send (lines: readonly string[], judge: (part: BatchPart, n: number) => Verdict, more: Partial<SendingDeps> = {}): Promise<Outcome> {
  const outcome: Outcome = { taken: [], refused: [], retry: [], requests: [] }
  const request = async (part: BatchPart): Promise<PartResult> => {
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
const takesUpTo = (bytes: number) => (part: BatchPart): Verdict => part.bytes.length <= bytes ? 'taken' : 'broken-off'

t.test('a request that is broken off because of its size is sent in smaller ones, in order, and the size is learned', async t => {
  const size = new RequestSize()
  const first = await send(lines, takesUpTo(10000), { size })
  t.same(first.taken, lines)
  t.same([first.refused, first.retry], [[], []])
  t.ok(size.limit <= 10000 && size.limit > 1000, String(size.limit))
  const second = await send(lines, takesUpTo(10000), { size })
  t.same(second.taken, lines)
  t.same(second.requests.filter(({ bytes }) => bytes.length > 20000), [])
})

t.test('a backend that breaks off everything gets only a few requests per attempt, and no size is learned from it', async t => {
  for (const attempt of [1, 3]) {
    const size = new RequestSize()
    const outcome = await send(lines, () => 'broken-off', { size, attempt })
    t.equal(outcome.retry, 'all')
    t.same(outcome.taken, [])
    t.ok(outcome.requests.length <= 6, String(outcome.requests.length))
    t.equal(size.limit, Infinity)
  }
})

t.test('a break at a size that was taken before is a failure of the backend, and the request is not divided', async t => {
  const size = new RequestSize()
  size.take(1e6)
  const outcome = await send(lines, () => 'broken-off', { size })
  t.equal(outcome.requests.length, 1)
  t.equal(outcome.retry, 'all')
})

t.test('a new limit of the backend is found after some breaks', async t => {
  const size = new RequestSize()
  size.take(1e6)
  const outcomes = [await send(lines, takesUpTo(10000), { size }), await send(lines, takesUpTo(10000), { size }), await send(lines, takesUpTo(10000), { size })]
  t.same(outcomes.map(({ taken }) => taken.length), [0, 0, 1000])
})

t.test('a single line that is always broken off is refused, and no other', async t => {
  for (const guilty of [1, 137, 500, 990]) {
    const outcome = await send(lines, part => linesOf(part).includes(lines[guilty] as string) ? 'broken-off' : 'taken')
    t.same(outcome.refused, [guilty])
    t.same(outcome.retry, [])
    t.same(outcome.taken, lines.filter((_, n) => n !== guilty))
  }
})

t.test('a line longer than a proxy lets through is refused, and the other lines are not', async t => {
  const long = lines.with(300, JSON.stringify({ text: 'y'.repeat(50000) }))
  const outcome = await send(long, takesUpTo(20000))
  t.same(outcome.refused, [300])
  t.same(outcome.taken, lines.filter((_, n) => n !== 300))
})

t.test('the first line holds up the others for some attempts, and not longer', async t => {
  const judge = (part: BatchPart): Verdict => part.first === 0 ? 'broken-off' : 'taken'
  t.match(await send(lines, judge, { attempt: 2 }), { taken: [], refused: [], retry: 'all' })
  const patient = await send(lines, judge, { attempt: 3 })
  t.same(patient.refused, [0])
  t.same(patient.taken, lines.slice(1))
})

t.test('a last line that is broken off is sent again, since it is unknown whether the line is the cause', async t => {
  const outcome = await send(lines, part => linesOf(part).includes(lines[999] as string) ? 'broken-off' : 'taken')
  t.same(outcome.retry, [999])
  t.same(outcome.refused, [])
})

t.test('if the backend dies while a request is sent in pieces, that is a failure, and no line is blamed', async t => {
  const outcome = await send(lines, (part, n) => n > 1 && n < 12 ? takesUpTo(2000)(part) : 'broken-off')
  t.same(outcome.refused, [])
  t.ok(outcome.taken.length > 0)
  t.same([...outcome.taken, ...(outcome.retry as number[]).map(n => lines[n])], lines)
})

t.test('if every second request is broken off, no line is blamed', async t => {
  const outcome = await send(lines, (_, n) => n % 2 === 1 ? 'broken-off' : 'taken')
  t.same(outcome.refused, [])
})

t.test('lines that must not be sent again are not, and the size is learned for the next request', async t => {
  const size = new RequestSize()
  const outcome = await send(lines, takesUpTo(10000), { size, redelivers: false })
  t.equal(outcome.requests.length, 1)
  t.equal(outcome.retry, 'all')
  t.ok(size.limit < Infinity)
  t.equal((await send(lines.slice(0, 1), () => 'broken-off', { redelivers: false, attempt: 5 })).requests.length, 1)
})

/** Sends parts whose requests have ten bytes more for each line, with a limit of the user. */
async function sendWithin (maxBytes: number, all: readonly string[]): Promise<{ requests: string[][], refused: number[] }> {
  const requests: string[][] = []
  const request = async (part: BatchPart): Promise<PartResult> => {
    const bytes = part.bytes.length + 10 * part.count
    if (bytes > maxBytes) return { kind: 'over-limit', reason: 'too large', share: maxBytes / bytes }
    requests.push(linesOf(part))
    return { kind: 'taken', outcomes: { refused: [], retry: [] } }
  }
  const report = new SendReport('http://backend', all.length)
  await new Sending({ request, size: new RequestSize(), report, redelivers: true, attempt: 1 }).run([partOf(all)], 1)
  try {
    report.throwIfAny()
    return { requests, refused: [] }
  } catch (error) {
    return { requests, refused: (error as { refused: Array<{ line: number }> }).refused.map(({ line }) => line) }
  }
}

t.test('what is larger than the user allows is sent in several requests, in order, and a line that is larger by itself is refused', async t => {
  const long = lines.with(300, JSON.stringify({ text: 'y'.repeat(5000) }))
  const { requests, refused } = await sendWithin(4000, long)
  t.same(refused, [300])
  t.same(requests.flat(), lines.filter((_, n) => n !== 300))
  t.ok(requests.length < 80, String(requests.length))
})

t.test('however small the limit of the user is, every line is sent or refused', async t => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 500 }), fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 40 }), async (maxBytes, lengths) => {
    const all = lengths.map((length, n) => JSON.stringify({ n, text: 'x'.repeat(length) }))
    const { requests, refused } = await sendWithin(maxBytes, all)
    t.same(refused, all.flatMap((line, n) => line.length + 11 > maxBytes ? [n] : []))
    t.same(requests.flat(), all.filter((_, n) => !refused.includes(n)))
  }))
})

t.test('whatever a backend breaks off or fails, every line has one outcome', async t => {
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
