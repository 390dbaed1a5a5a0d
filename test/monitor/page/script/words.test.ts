import t from 'tap'
import type { Notice } from '#lib/reports/notice'
import { errorLine, knownState, lossWords, noticeWords, reasonWords, verdict, worstState } from '#lib/monitor/page/script/words'
import { noticeKinds } from '#lib/reports/notice'
import { calmSink } from '../../../support/monitor-scene.js'

const notice = (kind: string, facts: Record<string, number>): Notice => ({ sink: 'loki', kind: kind as Notice['kind'], time: 0, facts })
const plain = (text: string): string => text.replace(/[\u2068\u2069]/g, '')
const sinks = (...states: string[]): Parameters<typeof verdict>[0] => states.map((state, i) => ({ ...calmSink(`s${i}`), state: state as 'open' }))

t.test('the verdict names what is broken, as long as the names are few', async t => {
  t.equal(verdict(sinks('closed', 'closed'), []), 'All 2 sinks take lines')
  t.equal(verdict(sinks('closed'), []), 'The sink takes lines')
  t.equal(plain(verdict(sinks('open', 'closed'), [])), 's0 is open')
  t.equal(plain(verdict(sinks('open', 'half-open', 'open'), ['s2'])), 's0 and s2 are open · s1 is half-open · s2 is losing lines')
  t.equal(plain(verdict(sinks('open', 'open', 'open', 'closed'), [])), 's0, s1 and s2 are open')
  t.equal(plain(verdict(sinks('open', 'open', 'open', 'open', 'closed'), [])), '4 of 5 sinks are open')
})

t.test('a state that the page does not know is no good one', async t => {
  t.same([knownState('closed'), knownState('half-open'), knownState('open'), knownState('molten')], ['closed', 'half-open', 'open', 'open'])
  t.same([worstState(sinks('closed')), worstState(sinks('closed', 'half-open')), worstState(sinks('half-open', 'open'))], ['closed', 'half-open', 'open'])
})

t.test('reasons are words, and an unknown one is shown as it is', async t => {
  t.equal(reasonWords('network'), 'a connection failed')
  t.equal(reasonWords('http-503'), 'its backend answered 503')
  t.equal(reasonWords('sun-spots\u202e'), 'sun-spots‹202E›')
})

t.test('the reason of a loss is no word that is also a state', async t => {
  t.same(['closed', 'queue-full', 'new'].map(lossWords), ['left at the end', 'queue full', 'new'])
})

t.test('every kind of notice has a sentence', async t => {
  for (const kind of noticeKinds) t.notMatch(noticeWords(notice(kind, {})), /[{}]/, kind)
  t.equal(noticeWords(notice('stalled', { lines: 1, forMs: 30_000 })), 'stalled: 1 line waiting, and none delivered for 30 s')
  t.equal(noticeWords(notice('losing-lines', { lines: 2412, withinMs: 10_000 })), '2,412 lines lost within 10 s')
  t.equal(noticeWords(notice('restart-loop', { restarts: 5, withinMs: 60_000 })), 'restarted 5 times within 1 min')
  t.equal(noticeWords(notice('new-kind', { lines: 3 })), 'new-kind {"lines":3}')
})

t.test('an error is told with its cause, and its code only if it says more', async t => {
  t.equal(errorLine({ type: 'TypeError', message: 'fetch failed', cause: { type: 'Error', message: 'connect ECONNREFUSED 10.0.0.1:3100', code: 'ECONNREFUSED' } }), 'fetch failed: connect ECONNREFUSED 10.0.0.1:3100')
  t.equal(errorLine({ type: 'Error', message: 'no room', code: 'ENOSPC' }), 'ENOSPC: no room')
  t.equal(errorLine({ type: 'FanoutError', message: 'ERR_FANOUT_SINK_TIMEOUT: too late', code: 'ERR_FANOUT_SINK_TIMEOUT' }), 'too late')
  t.equal(errorLine({ type: 'Oops', message: '' }), 'Oops')
  t.equal(errorLine({ type: 'Error', message: '<b>\u001b[1m' }), '<b>␛[1m')
})
