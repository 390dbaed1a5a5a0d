import t from 'tap'
import type { TransitionEvent } from '#lib/breaker'
import type { FanoutSnapshot, SinkSnapshot } from '#lib/metrics'
import { History } from '#lib/monitor/history'

const START = Date.UTC(2026, 0, 1)
const STEP_MS = 2000

function snapshot (time: number, ...sinks: Array<Partial<SinkSnapshot>>): FanoutSnapshot {
  const empty = { linesDelivered: 0, linesSkipped: 0, linesDropped: {}, queueLines: 0, unsettledLines: 0, spoolLines: 0 }
  return { time, upMs: 0, hasEnded: false, linesWithoutLevel: 0, sinks: sinks.map(sink => ({ ...empty, ...sink }) as SinkSnapshot) }
}

function transition (time: number, err?: TransitionEvent['err']): TransitionEvent {
  return { sink: 'a', from: 'closed', to: 'open', reason: 'network', generation: 1, consecutiveFailures: 1, openForMs: 0, retryInMs: 1, time, ...err && { err } }
}

t.test('a sample counts lines that were delivered, that wait anywhere, and that are lost for any reason', async t => {
  const history = new History()
  history.sample(snapshot(START,
    { name: 'a', linesDelivered: 1, queueLines: 2, unsettledLines: 30, spoolLines: 400, linesSkipped: 5, linesDropped: { closed: 60, poison: 700 } },
    { name: '__proto__' }
  ))
  history.sample(snapshot(START + STEP_MS, { name: 'a', linesDelivered: 9 }, { name: '__proto__', linesDelivered: 8 }))
  t.same(JSON.parse(JSON.stringify(history.read(START + STEP_MS))), JSON.parse(`{
    "stepMs": 2000,
    "times": [${START}, ${START + STEP_MS}],
    "sinks": {
      "a": { "delivered": [1, 9], "backlog": [432, 0], "lost": [765, 0] },
      "__proto__": { "delivered": [0, 8], "backlog": [0, 0], "lost": [0, 0] }
    },
    "transitions": [],
    "notices": []
  }`))
})

t.test('the last ten minutes are remembered, oldest first, whatever came before', async t => {
  const history = new History()
  const count = 1000
  for (let i = 0; i < count; i++) {
    history.sample(snapshot(START + i * STEP_MS, { name: 'a', linesDelivered: i, queueLines: 2 * i }))
    const { times, sinks } = history.read(START + i * STEP_MS)
    const expected = Array.from({ length: Math.min(i + 1, 300) }, (_, n) => i - Math.min(i, 299) + n)
    if (times.length !== expected.length || sinks.a?.delivered.some((lines, n) => lines !== expected[n]) || sinks.a?.backlog.some((lines, n) => lines !== 2 * (expected[n] as number))) t.fail(`sample ${i}`)
    if (times.some((time, n) => time !== START + (expected[n] as number) * STEP_MS)) t.fail(`time ${i}`)
  }
  t.equal(history.read(START).times.length, 300)
})

t.test('of transitions and notices the last 200 are remembered, for ten minutes', async t => {
  const history = new History()
  for (let i = 0; i < 250; i++) {
    history.addTransition(transition(START + i))
    history.addNotice({ sink: 'a', kind: 'stalled', time: START + i, facts: { lines: i, forMs: 1 } })
  }
  const { transitions, notices } = history.read(START + 250)
  t.equal(transitions.length, 200)
  t.equal(notices.length, 200)
  t.equal(transitions[0]?.time, START + 50)
  t.match(notices.at(-1), { facts: { lines: 249 } })

  const later = history.read(START + 240 + 600000)
  t.same(later.transitions.map(({ time }) => time - START), [241, 242, 243, 244, 245, 246, 247, 248, 249])
  t.equal(later.notices.length, 9)
})

t.test('errors are remembered without their stacks, and the event itself is left as it is', async t => {
  const history = new History()
  const event = transition(START, { type: 'Error', message: 'm', stack: 's', code: 'C', cause: { type: 'Error', message: 'n', stack: 's', cause: { type: 'Error', message: 'o', stack: 's' } } })
  const before = structuredClone(event)
  history.addTransition(event)
  t.same(history.read(START).transitions[0]?.err, { type: 'Error', message: 'm', code: 'C', cause: { type: 'Error', message: 'n', cause: { type: 'Error', message: 'o' } } })
  t.same(event, before)
})
