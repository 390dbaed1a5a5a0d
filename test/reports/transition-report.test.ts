import t, { type Test } from 'tap'
import type { TransitionEvent } from '#lib/breaker'
import { TransitionReport } from '#lib/reports/transition-report'
import { HandClock } from '../support/hand-clock.js'

function createReport (t: Test) {
  const clock = new HandClock().take()
  t.teardown(() => clock.release())
  const told: Array<[generation: number, transitions: number]> = []
  const report = new TransitionReport(clock, (event, transitions) => { told.push([event.generation, transitions]) })
  let generation = 0
  const add = (count: number, sink = 'loki'): void => {
    for (let i = 0; i < count; i++) report.add({ sink, generation: ++generation } as TransitionEvent)
  }
  return { clock, told, report, add }
}

t.test('the first ten are told one by one, and those that follow together, by the last of them', async t => {
  const { clock, told, add } = createReport(t)
  add(36)
  t.same(told, Array.from({ length: 10 }, (_, i) => [i + 1, 1]))
  clock.advance(9999)
  t.equal(told.length, 10)
  clock.advance(1)
  t.same(told.slice(10), [[36, 26]])
})

t.test('a flood is told every 10 s as long as it lasts; once there are few, they are told one by one again', async t => {
  const { clock, told, add } = createReport(t)
  for (let i = 0; i < 30; i++) {
    add(2)
    clock.advance(1000)
  }
  t.same(told.slice(10).map(([, transitions]) => transitions), [20, 20])
  clock.advance(10000)
  t.same(told.slice(12), [[60, 10]], 'what was left')
  clock.advance(20000)
  add(1)
  t.same(told.at(-1), [61, 1])
  t.equal(told.length, 14)
})

t.test('a breaker that probes each 5 s is told of transition by transition, for ever', async t => {
  const { clock, told, add } = createReport(t)
  for (let i = 0; i < 100; i++) {
    add(2)
    clock.advance(5000)
  }
  t.same(told, Array.from({ length: 200 }, (_, i) => [i + 1, 1]))
})

t.test('each sink has its own', async t => {
  const { told, add } = createReport(t)
  add(11)
  add(1, 'other')
  t.same(told.at(-1), [12, 1])
})

t.test('what is left is told at the end, and nothing runs on', async t => {
  const { clock, told, report, add } = createReport(t)
  add(12)
  report.flush()
  t.same(told.at(-1), [12, 2])
  add(1)
  report.stop()
  t.same(told.at(-1), [13, 1])
  t.equal(clock.timers, 0)
})
