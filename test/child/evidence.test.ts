import t, { type Test } from 'tap'
import { Evidence, type EvidenceSoFar } from '#lib/child/evidence'
import { HandClock } from '../support/hand-clock.js'

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
const MUCH = 128 * 1024

function gather (t: Test, writeTimeoutMs = 10000): { clock: HandClock, evidence: Evidence, told: EvidenceSoFar[] } {
  const clock = new HandClock().take()
  t.teardown(() => clock.release())
  const told: EvidenceSoFar[] = []
  return { clock, evidence: new Evidence(clock, writeTimeoutMs, soFar => told.push(soFar)), told }
}

t.test('what a sink says after a pause is passed on at once, all of a turn in one message', async t => {
  const { evidence, told } = gather(t)
  evidence.accept(1, 0)
  evidence.accept(2, 1)
  evidence.deliver(1)
  evidence.answer(2)
  t.same(told, [])
  await turn()
  t.same(told, [{ accepted: 2, consumed: 1, delivered: 1, answered: 2 }])
})

t.test('what follows is gathered for 100 ms', async t => {
  const { clock, evidence, told } = gather(t)
  evidence.accept(1, 0)
  await turn()
  evidence.accept(2, 1)
  await turn()
  clock.advance(74)
  evidence.deliver(2)
  await turn()
  clock.advance(25)
  t.equal(told.length, 1)
  clock.advance(1)
  t.same(told.slice(1), [{ accepted: 2, consumed: 1, delivered: 2, answered: 0 }])
  t.equal(clock.timers, 0, 'a sink that says nothing more costs nothing more')
})

t.test('or until something comes in the last quarter of that time: the thread is awake then', async t => {
  const { clock, evidence, told } = gather(t)
  evidence.accept(1, 0)
  await turn()
  evidence.accept(2, 1)
  clock.advance(75)
  evidence.accept(3, 2)
  await turn()
  t.same(told.slice(1), [{ accepted: 3, consumed: 2, delivered: 0, answered: 0 }])
  t.equal(clock.timers, 0)
})

t.test('but never so long that a sink with a short write timeout looks silent', async t => {
  const { clock, evidence, told } = gather(t, 50)
  evidence.accept(1, 0)
  await turn()
  evidence.accept(2, 1)
  clock.advance(4)
  t.equal(told.length, 1)
  clock.advance(1)
  t.equal(told.length, 2)
})

for (const how of ['accept', 'deliver'] as const) {
  t.test(`much is passed on at once, whatever was before it (${how})`, async t => {
    const { clock, evidence, told } = gather(t)
    evidence[how](1, 1)
    await turn()
    evidence[how](MUCH, 1)
    await turn()
    t.equal(told.length, 1, 'a byte less than much')
    evidence[how](MUCH + 1, 1)
    await turn()
    t.equal(told.length, 2)
    t.equal(clock.timers, 0, 'nothing of it is due any more')
    evidence[how](MUCH + 2, 1)
    await turn()
    t.equal(told.length, 2, 'what was passed on does not count again')
  })
}

t.test('what somebody waits for is passed on at once', async t => {
  const { clock, evidence, told } = gather(t)
  evidence.accept(1, 1)
  await turn()
  evidence.accept(2, 2)
  evidence.hasten(4)
  t.equal(told.length, 2)
  for (const bytes of [3, 4, 5]) {
    evidence.accept(bytes, bytes)
    await turn()
  }
  t.same(told.map(({ accepted }) => accepted), [1, 2, 3, 4])
  clock.advance(100)
  t.same(told.map(({ accepted }) => accepted), [1, 2, 3, 4, 5])
})

t.test('what is due can be passed on before its time, and nothing twice', async t => {
  const { clock, evidence, told } = gather(t)
  evidence.report()
  t.same(told, [])
  evidence.accept(1, 0)
  evidence.report()
  evidence.report()
  await turn()
  clock.advance(100)
  t.same(told, [{ accepted: 1, consumed: 0, delivered: 0, answered: 0 }])
})
