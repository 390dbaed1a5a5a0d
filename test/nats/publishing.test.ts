import t, { type Test } from 'tap'
import type { MessageFailure } from '#lib/nats/failures'
import type { LinkListener } from '#lib/nats/link'
import type { Message } from '#lib/nats/messages'
import { Publishing, type PublishingLink } from '#lib/nats/publishing'
import { HandClock, settled } from '../support/hand-clock.js'

const STORED = Buffer.from('{"stream":"LOGS","seq":1}')
const TIMEOUT_MS = 5000

function messages (count: number): Message[] {
  return Array.from({ length: count }, (_, first) => ({ subject: 'logs', id: `life:${first}`, payload: Buffer.from('{}'), first, count: 1 }))
}

/** Some messages that are being published, with a window of two. */
function publish (t: Test, count: number) {
  const clock = new HandClock().take()
  t.teardown(() => clock.release())
  const tokens: number[] = []
  const failed: Array<[first: number, kind: MessageFailure['kind']]> = []
  const link: PublishingLink = { listener: undefined, publish: (_message: Message, token: number) => { tokens.push(token) }, lengthOf: () => 10, maxPayload: 100 }
  const publishing = new Publishing({ link, window: 2, timeoutMs: TIMEOUT_MS, hasFields: false, clock, onFailed: ({ first }, { kind }) => failed.push([first, kind]) }, messages(count))
  let isDone = false
  publishing.run().then(() => { isDone = true })
  const answer = (place: number, status?: number, data?: string): void => (link.listener as LinkListener).onAnswer(tokens[place] as number, status, data === undefined ? STORED : Buffer.from(data))
  return { clock, tokens, failed, publishing, answer, isDone: async () => { await settled(); return isDone } }
}

t.test('no more messages are in flight than the window allows, and it ends once each has an answer', async t => {
  const { tokens, failed, answer, isDone } = publish(t, 3)
  t.equal(tokens.length, 2)
  answer(1)
  t.equal(tokens.length, 3)
  answer(0)
  t.notOk(await isDone())
  answer(2)
  t.ok(await isDone())
  t.same(failed, [])
})

t.test('messages without an answer have failed after the time limit of the oldest, and no more are published', async t => {
  const { clock, tokens, failed, answer, publishing, isDone } = publish(t, 5)
  clock.advance(TIMEOUT_MS / 2)
  answer(0)
  clock.advance(TIMEOUT_MS / 2)
  t.same(failed, [[1, 'failed'], [2, 'failed']])
  t.equal(tokens.length, 3)
  t.equal(publishing.publishedLines, 3)
  t.ok(await isDone())
  t.equal(clock.timers, 0, 'no timer is left')
})

t.test('it tells if no stream has answered at all', async t => {
  const silent = publish(t, 2)
  t.notOk(silent.publishing.isUnheard)
  silent.clock.advance(TIMEOUT_MS)
  t.ok(silent.publishing.isUnheard)

  const answered = publish(t, 2)
  answered.answer(0)
  answered.clock.advance(TIMEOUT_MS)
  t.same(answered.failed, [[1, 'failed']])
  t.notOk(answered.publishing.isUnheard, 'one answer is enough')

  const unheard = publish(t, 1)
  unheard.answer(0, 503, '')
  t.ok(unheard.publishing.isUnheard, 'no responders')

  const full = publish(t, 1)
  full.answer(0, undefined, '{"error":{"code":503,"description":"maximum messages exceeded"}}')
  t.same(full.failed, [[0, 'failed']])
  t.notOk(full.publishing.isUnheard, 'the stream itself has said no')

  const abandoned = publish(t, 1)
  abandoned.publishing.abandon()
  t.ok(abandoned.publishing.isUnheard)
})

t.test('time in which this thread stood still is not held against the server', async t => {
  const { clock, failed, answer, isDone } = publish(t, 1)
  clock.stop(3 * TIMEOUT_MS)
  t.same(failed, [])
  answer(0)
  t.ok(await isDone())
  t.same(failed, [])
})

t.test('one that is abandoned ends, and leaves no timer', async t => {
  const { clock, publishing, failed, isDone } = publish(t, 2)
  publishing.abandon()
  t.ok(await isDone())
  t.same(failed, [])
  t.equal(clock.timers, 0)
})
