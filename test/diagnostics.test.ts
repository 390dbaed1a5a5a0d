import t from 'tap'
import type { TransitionEvent } from '#lib/breaker'
import { Diagnostics, type DiagnosticRecord } from '#lib/diagnostics'

type Written = DiagnosticRecord & { record: Record<string, unknown> }

function createDiagnostics ({ level = 'info' as string | number, levelKey = 'level', usesLabels = false } = {}) {
  const written: Written[] = []
  const diagnostics = new Diagnostics({
    level,
    levels: { audit: 35 },
    levelKey,
    usesLabels: () => usesLabels,
    write: record => written.push({ ...record, record: JSON.parse(record.line) as Record<string, unknown> })
  })
  return { diagnostics, written }
}

function transition (fields: Partial<TransitionEvent> = {}): TransitionEvent {
  return {
    sink: 'loki', from: 'closed', to: 'open', reason: 'http-503', generation: 1, consecutiveFailures: 5, openForMs: 0, retryInMs: 30000, time: 1, err: { type: 'TypeError', message: 'no', code: 'E' }, ...fields
  }
}

t.test('a breaker that was opened by a share of its attempts is told with that share', async t => {
  const { diagnostics, written } = createDiagnostics()
  diagnostics.transition(transition({ reason: 'slow', attempts: 10, slowRate: 0.6, tookMs: 2013 }))
  diagnostics.transition(transition({ reason: 'failure-rate', attempts: 25, failureRate: 0.52 }))
  diagnostics.transition(transition())
  t.match(written[0]?.record, { reason: 'slow', attempts: 10, slowRate: 0.6, tookMs: 2013 })
  t.match(written[1]?.record, { reason: 'failure-rate', attempts: 25, failureRate: 0.52 })
  t.notOk('slowRate' in (written[1]?.record ?? {}))
  t.notOk('attempts' in (written[2]?.record ?? {}))
})

t.test('a transition is told with all of its fields, as a warning if the breaker opens', async t => {
  const { diagnostics, written } = createDiagnostics()
  diagnostics.transition(transition())
  const { err, ...closed } = transition({ from: 'half-open', to: 'closed', reason: 'probe-succeeded', openForMs: 1200, retryInMs: 0, consecutiveFailures: 0 })
  t.ok(err)
  diagnostics.transition(closed)
  diagnostics.transition(transition(), 7)
  t.match(written[2]?.record, { transitions: 7, to: 'open', msg: 'sink circuit open' })
  t.notOk('transitions' in (written[0]?.record ?? {}))
  const [opened, closing] = written as [Written, Written]
  t.match(opened, { level: 40, sink: 'loki' })
  t.ok(opened.line.startsWith('{"level":40,"time":') && opened.line.endsWith('}\n'))
  t.match(opened.record, {
    name: 'pino-breaker-fanout', pid: process.pid, component: 'circuit-breaker', sink: 'loki', from: 'closed', to: 'open', reason: 'http-503', consecutiveFailures: 5, openForMs: 0, retryInMs: 30000, err: { type: 'TypeError', message: 'no', code: 'E' }, msg: 'sink circuit open'
  })
  t.match(closing.record, { level: 30, msg: 'sink circuit closed', openForMs: 1200 })
  t.notOk('err' in closing.record)
})

t.test('lines of a queue that protects some are told by class', async t => {
  const { diagnostics, written } = createDiagnostics()
  diagnostics.loss('loki', { kind: 'dropped', reason: 'queue-full', protectedLines: 2 }, 7, 'error')
  diagnostics.loss('loki', { kind: 'dropped', reason: 'closed' }, 7, 'error')
  t.match(written[0]?.record, { dropped: 7, reason: 'queue-full', protectLevel: 'error', droppedBelow: 5, droppedProtected: 2 })
  t.notOk('protectLevel' in (written[1]?.record ?? {}))
})

t.test('losses, restarts, lines undelivered and warnings are told with their counts', async t => {
  const { diagnostics, written } = createDiagnostics()
  diagnostics.loss('loki', { kind: 'dropped', reason: 'queue-full' }, 7)
  diagnostics.loss('loki', { kind: 'skipped' }, 8)
  diagnostics.restarted('loki', 'thread-exit', 3)
  diagnostics.undelivered('loki', 9, { reason: 'http-503', err: { type: 'Error', message: 'no' } })
  diagnostics.undelivered('loki', 10, undefined)
  diagnostics.warning('something is odd')
  t.match(written.map(({ record }) => record), [
    { level: 40, component: 'lane', sink: 'loki', dropped: 7, reason: 'queue-full', msg: 'sink dropping lines' },
    { level: 40, component: 'lane', sink: 'loki', skipped: 8, msg: 'sink skipped lines' },
    { level: 30, component: 'supervisor', sink: 'loki', reason: 'thread-exit', restarts: 3, msg: 'sink restarted' },
    { level: 40, component: 'lane', sink: 'loki', lines: 9, reason: 'http-503', err: { type: 'Error', message: 'no' }, msg: 'sink lines undelivered at close' },
    { level: 40, component: 'lane', sink: 'loki', lines: 10, reason: undefined, err: undefined, msg: 'sink lines undelivered at close' },
    { level: 40, component: 'options', msg: 'something is odd' }
  ])
  t.same(written.map(({ sink }) => sink), ['loki', 'loki', 'loki', 'loki', 'loki', undefined])
})

t.test('records have the levels, the message key and the error key of the app', async t => {
  const { diagnostics, written } = createDiagnostics({ levelKey: 'severity', usesLabels: true })
  diagnostics.configure({ levels: { labels: {}, values: { info: 31, warn: 45, audit: 35 } }, messageKey: 'text', errorKey: 'error' })
  diagnostics.transition(transition())
  t.match(written[0], { level: 45, record: { severity: 'warn', text: 'sink circuit open', error: { type: 'TypeError', message: 'no' } } })
  t.notOk('msg' in (written[0]?.record ?? {}) || 'err' in (written[0]?.record ?? {}))
})

t.test('an app that has only levels of its own gets these records all the same', async t => {
  const { diagnostics, written } = createDiagnostics()
  diagnostics.configure({ levels: { labels: {}, values: { quiet: 1, loud: 2 } } })
  diagnostics.restarted('loki', 'destroyed', 1)
  t.match(written, [{ level: 30, record: { level: 30, msg: 'sink restarted' } }])
})

t.test('what somebody does by hand is told, but for transitions, which have records of their own', async t => {
  const { diagnostics, written } = createDiagnostics()
  diagnostics.levelSet('loki', 'debug')
  diagnostics.levelSet(undefined, 10)
  diagnostics.reopened('file')
  t.match(written.map(({ record }) => record), [
    { level: 30, component: 'control', sink: 'loki', takes: 'debug', msg: 'sink level set' },
    { level: 30, component: 'control', takes: 10, msg: 'sink level set' },
    { level: 30, component: 'control', sink: 'file', msg: 'sink reopened' }
  ])
  t.same(written.map(({ sink }) => sink), ['loki', undefined, 'file'])
})

t.test('the monitor tells its address, or why it cannot be reached', async t => {
  const { diagnostics, written } = createDiagnostics()
  diagnostics.monitorListening('http://127.0.0.1:9464')
  diagnostics.monitorUnavailable({ type: 'Error', message: 'in use', code: 'EADDRINUSE' })
  t.match(written.map(({ record }) => record), [
    { level: 30, component: 'monitor', address: 'http://127.0.0.1:9464', msg: 'monitor listening' },
    { level: 40, component: 'monitor', err: { code: 'EADDRINUSE' }, msg: 'monitor not available' }
  ])
  t.same(written.map(({ sink }) => sink), [undefined, undefined])
})

for (const [level, told] of [['warn', 1], [40, 1], [31, 1], [30, 2], ['info', 2], ['trace', 2], [61, 0], ['silent', 0], ['WARN', 1], ['audit', 1], ['constructor', 2], ['no such level', 2]] as const) {
  t.test(`from level ${level} on, ${told} of an info and a warning are told`, async t => {
    const { diagnostics, written } = createDiagnostics({ level })
    diagnostics.restarted('loki', 'destroyed', 1)
    diagnostics.undelivered('loki', 1, undefined)
    t.equal(written.length, told)
  })
}

t.test('lines that a backend refused without naming them are told with its words, and so is a warning', async t => {
  const { diagnostics, written } = createDiagnostics()
  diagnostics.loss('otlp', { kind: 'unnamed', reason: 'too old' }, 3)
  diagnostics.loss('otlp', { kind: 'warned', reason: 'use the other endpoint' }, 0)
  t.match(written.map(({ record }) => record), [
    { level: 40, component: 'lane', sink: 'otlp', dropped: 3, reason: 'poison', answer: 'too old', msg: 'sink dropping lines' },
    { level: 40, component: 'lane', sink: 'otlp', answer: 'use the other endpoint', msg: 'sink warned by its backend' }
  ])
})

t.test('dead letters are told with what the backend said, and a file that cannot be written with its path', async t => {
  const { diagnostics, written } = createDiagnostics()
  diagnostics.loss('loki', { kind: 'dead-lettered', reason: 'answered 400' }, 3)
  diagnostics.deadLetterTrouble('/var/dead.ndjson', { type: 'Error', message: 'no space', code: 'ENOSPC' })
  t.match(written.map(({ record }) => record), [
    { level: 40, component: 'dead-letter', sink: 'loki', deadLettered: 3, reason: 'answered 400', msg: 'sink dead-lettered lines' },
    { level: 40, component: 'dead-letter', path: '/var/dead.ndjson', err: { code: 'ENOSPC' }, msg: 'dead-letter file cannot be written' }
  ])
  t.same(written.map(({ sink }) => sink), ['loki', undefined])
})
