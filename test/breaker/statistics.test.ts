import t from 'tap'
import type { CircuitState, TransitionEvent, TransitionReason } from '#lib/breaker'
import { CircuitStatistics } from '#lib/breaker/statistics'
import { HandClock } from '../support/hand-clock.js'

function createStatistics () {
  const clock = new HandClock()
  const statistics = new CircuitStatistics(clock)
  const go = (from: CircuitState, to: CircuitState, reason: TransitionReason): void => statistics.note({ from, to, reason } as TransitionEvent)
  return { clock, statistics, go }
}

t.test('a breaker without transitions has been in its state since the start', async t => {
  const { clock, statistics } = createStatistics()
  clock.advance(1234)
  t.same(statistics.history, { stateForMs: 1234, openMs: 0, transitions: [] })
})

t.test('the time of all outages adds up, half-open too, and also while one lasts', async t => {
  const { clock, statistics, go } = createStatistics()
  clock.advance(50)
  go('closed', 'open', 'network')
  clock.advance(100)
  go('open', 'half-open', 'recovery-due')
  clock.advance(10)
  t.match(statistics.history, { stateForMs: 10, stateReason: 'recovery-due', openMs: 110 })
  go('half-open', 'open', 'network')
  clock.advance(200)
  go('open', 'half-open', 'recovery-due')
  go('half-open', 'closed', 'probe-succeeded')
  clock.advance(5000)
  t.match(statistics.history, { stateForMs: 5000, stateReason: 'probe-succeeded', openMs: 310 })
  go('closed', 'open', 'forced')
  clock.advance(1)
  t.match(statistics.history, { openMs: 311 })
})

t.test('transitions are counted by states and reason', async t => {
  const { statistics, go } = createStatistics()
  go('closed', 'open', 'network')
  go('open', 'closed', 'forced')
  go('closed', 'open', 'network')
  const { transitions } = statistics.history
  t.same(transitions, [{ from: 'closed', to: 'open', reason: 'network', count: 2 }, { from: 'open', to: 'closed', reason: 'forced', count: 1 }])
  go('open', 'closed', 'forced')
  t.equal(transitions[1]?.count, 1, 'what was read does not change later')
})
