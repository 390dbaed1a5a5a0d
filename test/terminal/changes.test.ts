import t from 'tap'
import { noticeText, transitionText } from '#lib/terminal/changes'
import { noticeKinds } from '#lib/reports/notice'

const transition = { sink: 'loki', from: 'closed', to: 'open', reason: 'network', generation: 1, consecutiveFailures: 3, openForMs: 0, retryInMs: 30000, time: 0 } as const

t.test('a transition says why, by which error, and what comes next', t => {
  t.equal(transitionText({ ...transition, err: { type: 'Error', message: 'ERR_FANOUT_SINK_REPORTED: no answer', cause: { type: 'Error', message: 'connect ECONNREFUSED' } } }), 'loki: closed -> open, network; connect ECONNREFUSED; probes in 30 s')
  t.equal(transitionText({ ...transition, from: 'half-open', to: 'closed', reason: 'probe-succeeded', openForMs: 61000, retryInMs: 0 }), 'loki: half-open -> closed, probe-succeeded; was down for 1 min 1 s')
  t.equal(transitionText({ ...transition, from: 'open', to: 'half-open', reason: 'recovery-due', retryInMs: 0 }, 12), 'loki: open -> half-open, recovery-due; 12 transitions')
  t.end()
})

t.test('a breaker that was opened by a share of its attempts says how large that was', t => {
  t.equal(transitionText({ ...transition, reason: 'failure-rate', attempts: 1204, failureRate: 0.516, err: { type: 'Error', message: 'unavailable' } }), 'loki: closed -> open, failure-rate; 52% of 1,204 attempts failed; unavailable; probes in 30 s')
  t.equal(transitionText({ ...transition, reason: 'slow', attempts: 10, slowRate: 0.6, tookMs: 2013 }), 'loki: closed -> open, slow; 60% of 10 attempts were slow; the last took 2 s; probes in 30 s')
  t.equal(transitionText({ ...transition, from: 'half-open', reason: 'slow', tookMs: 2013 }), 'loki: half-open -> open, slow; the probe took 2 s; probes in 30 s')
  t.end()
})

t.test('an error without a message is known by its code, or by its type', t => {
  t.match(transitionText({ ...transition, err: { type: 'Error', message: '', code: 'ECONNRESET' } }), '; ECONNRESET;')
  t.match(transitionText({ ...transition, err: { type: 'AggregateError', message: '' } }), '; AggregateError;')
  t.end()
})

t.test('every kind of notice is one line with its numbers', t => {
  const facts = { lines: 1200, forMs: 30000, bytes: 2 ** 29, maxBytes: 2 ** 30, restarts: 12, withinMs: 60000 }
  t.same(noticeKinds.map(kind => noticeText({ sink: 'loki', kind, time: 0, facts })), [
    'loki: stalled: 1,200 lines waiting, no progress for 30 s',
    'loki: spool half full: 512 MiB of 1 GiB',
    'loki: spool full: 1 GiB; its oldest lines make room',
    'loki: restarted 12 times within 1 min',
    'loki: lost 1,200 lines within 1 min'
  ])
  t.end()
})

t.test('hostile texts are shown, and not obeyed', t => {
  const err = { type: 'Error', message: '\u001B[2Jgone\nloki: open -> closed' }
  t.equal(transitionText({ ...transition, sink: 'lo\u202Eki', err }), 'lo�ki: closed -> open, network; ␛[2Jgone loki: open -> closed; probes in 30 s')
  t.end()
})
