import t from 'tap'
import { HandClock } from './support/hand-clock.js'
import { HASTY_BREAKER, PoisonRig } from './support/poison-rig.js'
import { rest } from './support/spool-rig.js'
import { SpoolingLane } from './support/spooling-lane.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** The backend refuses each line of the last batch, and tells so. */
function refuseEach ({ child }: Pick<PoisonRig, 'child'>): void {
  const refused = Array.from({ length: child.last.lines.count }, (_, line) => ({ line, reason: 'too old', status: 400 }))
  child.reject({ reason: 'http-400', outcome: { refused, retry: [] } })
}

t.test('a probe that is refused is followed by the newest line, which closes the breaker if it is accepted', async t => {
  const rig = PoisonRig.delivery({ clock, breaker: HASTY_BREAKER })
  rig.offer('old', 'older')
  rig.child.settle('network')
  rig.offer('b', 'new')
  rig.advance(1000)
  t.equal(rig.batches.at(-1), 'old older')
  refuseEach(rig)
  t.equal(rig.batches.at(-1), 'new')
  t.equal(rig.snapshot().state, 'half-open')
  rig.child.settle()
  t.match(rig.story, ['closed>open network', 'open>half-open recovery-due', 'half-open>closed probe-succeeded'])
  t.equal(rig.batches.at(-1), 'old', 'at most failureThreshold lines, which is one, may be given up at once')
  refuseEach(rig)
  rig.child.settle()
  await rig.bury()
  t.match(rig.deadLetters, [{ line: 'old', attempts: 3 }])
})

t.test('a probe and a newest line that are both refused are one failure, and cost no line', async t => {
  const rig = PoisonRig.delivery({ clock, breaker: HASTY_BREAKER })
  rig.offer('old', 'older')
  rig.child.settle('network')
  rig.offer('new')
  rig.advance(1000)
  refuseEach(rig)
  t.equal(rig.batches.at(-1), 'new')
  refuseEach(rig)
  await rig.bury()
  t.match(rig.snapshot(), { state: 'open', linesDeadLettered: 0, queueLines: 3, failures: { network: 1, 'http-400': 1 } })
})

t.test('a request of which some lines are accepted proves that the others are to blame, however many they are', async t => {
  const rig = PoisonRig.delivery({ clock })
  rig.offer(...Array.from({ length: 100 }, (_, n) => `${n}`))
  rig.child.reject({ reason: 'http-400', outcome: { refused: Array.from({ length: 99 }, (_, line) => ({ line, reason: 'no' })), retry: [] } })
  await rig.bury()
  t.match(rig.snapshot(), { linesDelivered: 1, linesDeadLettered: 99 })
})

t.test('lines refused one by one beyond failureThreshold are not given up for one acceptance', async t => {
  const rig = PoisonRig.proven({ clock, breaker: { failureThreshold: 3 } })
  rig.offer('a', 'b', 'c', 'd')
  refuseEach(rig)
  await rig.bury()
  t.match(rig.snapshot(), { linesDeadLettered: 0, queueLines: 4, failures: { 'http-400': 1 } })
})

t.test('with at-most-once a refused batch of more than failureThreshold lines is dropped as such, and the next line is the witness', async t => {
  const rig = PoisonRig.proven({ clock, redelivery: 'at-most-once', breaker: { failureThreshold: 2 } })
  rig.offer('a', 'b', 'c')
  rig.offer('next')
  rig.child.refuse()
  t.equal(rig.batches.at(-1), 'next')
  rig.child.settle()
  await rig.bury()
  t.match(rig.snapshot(), { linesDelivered: 2, linesDeadLettered: 0, linesDropped: { 'at-most-once': 3 }, failures: {} })
})

t.test('a witness that does not arrive for another reason says nothing of the refused lines', async t => {
  const rig = PoisonRig.proven({ clock, breaker: { failureThreshold: 3 } })
  rig.offer('a', 'b', 'c', 'd')
  rig.offer('new')
  refuseEach(rig)
  t.equal(rig.batches.at(-1), 'new')
  rig.child.settle('network')
  await rig.bury()
  t.match(rig.snapshot(), { linesDeadLettered: 0, queueLines: 5, failures: { network: 1 } })
})

t.test('the witness of a stream is sent by itself', async t => {
  const rig = PoisonRig.sensed({ clock, breaker: { failureThreshold: 1 } })
  rig.offer('BAD')
  rig.refuseAccepted()
  rig.offer('BAD', 'WORSE')
  rig.offer('new')
  rig.refuseAccepted(rig.child.given - 'new\n'.length)
  t.equal(rig.batches.at(-1), 'new', 'what is behind the refused lines is waited for')
  rig.child.deliver()
  t.equal(rig.batches.at(-1), 'BAD')
  await rig.bury()
  t.equal(rig.snapshot().state, 'closed')
})

t.test('with skip a line that would be skipped is let in, if all that is here has been refused', async t => {
  const rig = PoisonRig.delivery({ clock, whenOpen: 'skip', breaker: HASTY_BREAKER })
  rig.offer('old', 'older')
  rig.child.settle('network')
  rig.offer('skipped')
  rig.advance(1000)
  refuseEach(rig)
  rig.offer('new')
  rig.offer('skipped, too')
  t.match(rig.snapshot(), { linesSkipped: 2, queueLines: 3 })
  rig.advance(1000)
  t.equal(rig.batches.at(-1), 'new')
  rig.child.settle()
  t.equal(rig.snapshot().state, 'closed')
})

t.test('with a spool the next line that comes is the witness, however much that is older is on the disk', async t => {
  const rig = await SpoolingLane.tripped({ clock, deadLetter: { maxBytes: 1e6 } })
  const pad = 'x'.repeat(60_000)
  for (let n = 0; n < 60; n++) rig.log(`${n}-${pad}`)
  await rest()
  let isAccepted = false
  for (let n = 0; n < 4 && !isAccepted; n++) {
    rig.log(`new${n}`)
    await rest()
    await rig.wait(1000)
    while (rig.child.isAsked && !isAccepted) {
      isAccepted = rig.sent.at(-1)?.startsWith('new') === true
      if (isAccepted) rig.child.settle()
      else refuseEach(rig)
      await rest()
    }
  }
  t.ok(isAccepted, 'after two recovery timeouts')
  t.equal(rig.snapshot().state, 'closed')
  t.equal(rig.snapshot().linesDeadLettered, 0)
  for (let n = 0; n < 200 && rig.snapshot().spoolLines + rig.snapshot().unsettledLines > 0; n++) {
    if (rig.child.isAsked) rig.child.settle()
    await rest()
    await rig.bury()
    await rig.wait(100)
  }
  const arrived = rig.snapshot()
  t.match(arrived, { spoolLines: 0, queueLines: 0, unsettledLines: 0, linesDelivered: arrived.linesReceived })
})
