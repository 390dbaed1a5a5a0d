import t from 'tap'
import { outageSince, spansOf, ticksOf } from '#lib/monitor/page/script/spans'
import type { CircuitState, TransitionEvent } from '#lib/breaker'

const event = (from: CircuitState, to: CircuitState, time: number): TransitionEvent =>
  ({ sink: 'a', from, to, time, reason: 'network', generation: 1, consecutiveFailures: 0, openForMs: 0, retryInMs: 0 })

t.test('transitions cut the time into states', async t => {
  const transitions = [event('closed', 'open', 200), event('open', 'half-open', 500), event('half-open', 'closed', 600)]
  t.same(spansOf({ from: 0, to: 1000, startedAt: -9999, state: 'closed', stateSince: 600, transitions }), [
    { state: 'closed', from: 0, to: 200 },
    { state: 'open', from: 200, to: 500 },
    { state: 'half-open', from: 500, to: 600 },
    { state: 'closed', from: 600, to: 1000 }
  ])
})

t.test('what was before the window or before the start is cut off', async t => {
  const transitions = [event('closed', 'open', 50), event('open', 'closed', 300)]
  t.same(spansOf({ from: 100, to: 1000, startedAt: 200, state: 'closed', stateSince: 300, transitions }), [{ state: 'open', from: 200, to: 300 }, { state: 'closed', from: 300, to: 1000 }])
})

t.test('without transitions only the present state is known', async t => {
  t.same(spansOf({ from: 0, to: 1000, startedAt: -5000, state: 'open', stateSince: 400, transitions: [] }), [{ state: 'open', from: 400, to: 1000 }])
  t.same(spansOf({ from: 0, to: 1000, startedAt: -5000, state: 'closed', stateSince: -5000, transitions: [] }), [{ state: 'closed', from: 0, to: 1000 }])
})

t.test('a transition that the snapshot does not know yet changes nothing before it', async t => {
  t.same(spansOf({ from: 0, to: 1000, startedAt: 0, state: 'closed', stateSince: 0, transitions: [event('closed', 'open', 1001)] }), [{ state: 'closed', from: 0, to: 1000 }])
})

t.test('an outage lasts until the breaker closes, whatever its probes', async t => {
  const probed = [event('closed', 'open', 100), event('open', 'half-open', 500), { ...event('half-open', 'open', 510), openForMs: 410 }]
  t.equal(outageSince({ state: 'open', stateSince: 510, transitions: probed }), 100)
  t.equal(outageSince({ state: 'open', stateSince: 40, transitions: [] }), 40)
  t.equal(outageSince({ state: 'open', stateSince: 900, transitions: [event('half-open', 'closed', 600)] }), 900, 'the transition of now has not come yet')
  t.equal(outageSince({ state: 'closed', stateSince: 600, transitions: [event('half-open', 'closed', 600)] }), undefined)
})

t.test('ticks are on whole steps', async t => {
  t.same(ticksOf(50, 400, 120), [120, 240, 360])
  t.same(ticksOf(120, 240, 120), [120, 240])
})
