import t from 'tap'
import { noticeText, transitionText } from '#lib/terminal/changes'
import { noticeKinds } from '#lib/reports/notice'

const transition = { sink: 'loki', from: 'closed', to: 'open', reason: 'network', generation: 1, consecutiveFailures: 3, openForMs: 0, retryInMs: 30000, time: 0 } as const

t.test('a transition says why, by which error, and what comes next', t => {
  t.equal(transitionText({ ...transition, err: { type: 'Error', message: 'connect ECONNREFUSED' } }), 'loki: closed -> open, network; connect ECONNREFUSED; probes in 30 s')
  t.equal(transitionText({ ...transition, from: 'half-open', to: 'closed', reason: 'probe-succeeded', openForMs: 61000, retryInMs: 0 }), 'loki: half-open -> closed, probe-succeeded; was down for 1 min 1 s')
  t.equal(transitionText({ ...transition, from: 'open', to: 'half-open', reason: 'recovery-due', retryInMs: 0 }, 12), 'loki: open -> half-open, recovery-due; 12 transitions')
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
