import t from 'tap'
import { Batch } from '#lib/batch'
import { LevelNames } from '#lib/levels'
import { LevelReader } from '#lib/line-level'
import { HandClock, settled } from './support/hand-clock.js'
import { LaneRig, type LaneRigOptions } from './support/lane-rig.js'
import { leveled, numbersOf, protectErrors } from './support/protection.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** A lane that protects errors, and offers of lines by their numbers: `'3!'` is an error. */
class ProtectingRig extends LaneRig {
  readonly #awake = new Set<object>()

  constructor ({ queue, ...options }: LaneRigOptions = {}) {
    super({ clock, windowBytes: 1, writeTimeoutMs: 1e9, ...options, queue: { protectLevel: 'error', blockTimeoutMs: 0, ...queue } })
    this.lane.protect(protectErrors())
    this.lane.start()
  }

  log (lines: string): void {
    this.offer(...lines.split(' ').map(line => leveled(Number.parseInt(line), line.endsWith('!'))))
  }

  /** Starts the last child, if it has not started. */
  wake (): void {
    if (this.#awake.has(this.child)) return
    this.#awake.add(this.child)
    this.child.ready()
  }

  /** Opens the breaker of a sink that has started. */
  trip (): void {
    this.wake()
    this.lane.steer(breaker => breaker.forceOpen())
  }

  /** The numbers of the lines that the sinks were given, in their order. */
  get given (): string {
    return this.children.flatMap(({ sent }) => sent.map(({ lines }) => numbersOf(lines.bytes.toString()))).flat().join(' ')
  }

  /** Closes the breaker, and takes all lines. */
  recover (): void {
    this.lane.steer(breaker => breaker.forceClose())
    this.wake()
    for (let n = 0; n < 50; n++) if (this.child.given > this.child.accepted) this.child.deliver()
  }

  get drops (): object {
    const { linesDropped, linesDroppedProtected, linesSkipped } = this.snapshot()
    return { full: linesDropped['queue-full'] ?? 0, protected: linesDroppedProtected, skipped: linesSkipped }
  }
}

for (const [overflow, arrived] of [['drop-oldest', '0 3 6 7 8'], ['block', '0 3 6 7 8'], ['drop-newest', '0 2 3 4 6']] as const) {
  t.test(`${overflow}: the lines that are not protected go first, in the queue and among new lines`, async t => {
    const rig = new ProtectingRig({ queue: { maxLines: 5, overflow } })
    rig.trip()
    rig.log('0! 1 2')
    rig.log('3! 4')
    rig.log('5 6!')
    rig.log('7 8')
    rig.recover()
    t.equal(rig.given, arrived)
    t.match(rig.drops, { full: 4, protected: 0 })
  })
}

t.test('a protected line displaces an older one that is not, whatever the policy', async t => {
  for (const overflow of ['drop-oldest', 'drop-newest', 'block'] as const) {
    const rig = new ProtectingRig({ queue: { maxLines: 3, overflow } })
    rig.trip()
    rig.log('0 1! 2')
    rig.log('3!')
    rig.log('4!')
    rig.recover()
    t.equal(rig.given, '1 3 4', overflow)
    t.match(rig.drops, { full: 2, protected: 0 })
  }
})

t.test('with nothing but protected lines the policy decides among them, and the loss is told by class', async t => {
  for (const [overflow, arrived] of [['drop-oldest', '2 3'], ['drop-newest', '0 1']] as const) {
    const rig = new ProtectingRig({ queue: { maxLines: 2, overflow } })
    rig.trip()
    rig.log('0! 1!')
    rig.log('2! 3! 4')
    t.match(rig.drops, { full: 3, protected: 2 })
    t.same(rig.losses, [{ loss: { kind: 'dropped', reason: 'queue-full', protectedLines: 2 }, lines: 3 }])
    rig.recover()
    t.equal(rig.given, arrived, overflow)
  }
})

t.test('by bytes as well: a large line that is protected displaces as many others as it has to', async t => {
  const rig = new ProtectingRig({ queue: { maxBytes: 500 } })
  rig.trip()
  rig.log('0 1! 2 3 4 5')
  rig.offer(leveled(6, true, 380))
  rig.recover()
  t.equal(rig.given, '1 3 4 5 6')
  t.match(rig.drops, { full: 2, protected: 0 })
})

t.test('a protected line that no queue could keep costs no other line', async t => {
  for (const overflow of ['drop-oldest', 'drop-newest'] as const) {
    const rig = new ProtectingRig({ queue: { maxBytes: 200, overflow } })
    rig.trip()
    rig.log('0 1!')
    rig.offer(leveled(2, true, 1000))
    t.match(rig.drops, { full: 1, protected: 1 })
    rig.recover()
    t.equal(rig.given, '0 1', overflow)
  }
})

t.test('lines that came back are protected too, keep their numbers and their batch, and those that are not make room', async t => {
  const rig = new ProtectingRig({ windowBytes: 1000, queue: { maxLines: 4, maxBytes: 4000 }, breaker: { failureThreshold: 1 } })
  rig.wake()
  rig.log('0')
  rig.log('1!')
  rig.child.fail()
  t.ok(rig.lane.isTripped)
  rig.log('2')
  rig.log('3! 4!')
  rig.log('5!')
  rig.recover()
  t.equal(rig.given, '0 1 1 3 4 5')
  t.match(rig.child.sent[0], { id: 'life:1', lines: { firstLine: 1, attempts: 1, count: 1 } })
  t.match(rig.drops, { full: 2, protected: 0 })
})

t.test('skip', async t => {
  t.test('protected lines wait in the queue, others are skipped', async t => {
    const rig = new ProtectingRig({ whenOpen: 'skip' })
    rig.trip()
    rig.log('0 1! 2 3!')
    rig.log('4')
    rig.log('5!')
    t.match(rig.drops, { full: 0, protected: 0, skipped: 3 })
    t.equal(rig.snapshot().queueLines, 3)
    t.same(rig.losses, [{ loss: { kind: 'skipped' }, lines: 2 }])
    rig.recover()
    t.equal(rig.given, '1 3 5')
  })

  t.test('a batch of protected lines alone is no loss', async t => {
    const rig = new ProtectingRig({ whenOpen: 'skip' })
    rig.trip()
    rig.log('0! 1!')
    t.same(rig.losses, [])
    t.match(rig.drops, { skipped: 0 })
  })

  t.test('the queue keeps its limits, and loses by the policy', async t => {
    const rig = new ProtectingRig({ whenOpen: 'skip', queue: { maxLines: 2 } })
    rig.trip()
    rig.log('0! 1! 2')
    rig.log('3!')
    t.match(rig.drops, { full: 1, protected: 1, skipped: 1 })
    rig.recover()
    t.equal(rig.given, '1 3')
  })

  t.test('the lines that wait are the next probe', async t => {
    const rig = new ProtectingRig({ whenOpen: 'skip', breaker: { recoveryTimeoutMs: 100 } })
    rig.trip()
    rig.log('0!')
    rig.log('1')
    rig.advance(100)
    rig.log('2')
    rig.wake()
    rig.child.deliver()
    t.notOk(rig.lane.isTripped)
    rig.log('3')
    t.equal(rig.given, '0 3')
    t.match(rig.drops, { skipped: 2 })
  })

  t.test('a diagnostic that is skipped begins no report', async t => {
    const rig = new ProtectingRig({ whenOpen: 'skip' })
    rig.trip()
    rig.lane.offer(new Batch(`${leveled(0, false)}\n`, 1, { isDiagnostic: true }))
    t.same(rig.losses, [])
    t.match(rig.drops, { skipped: 1 })
  })
})

t.test('with fallback, what waits when the breaker opens goes there, protected or not', async t => {
  const rig = new ProtectingRig({ whenOpen: 'fallback', hasFallback: true })
  rig.trip()
  rig.log('0 1! 2')
  t.same(numbersOf(rig.fallbackText), [0, 1, 2])
})

t.test('a sink that stands still is given at most half of the queue, so that there is room for what is protected', async t => {
  const lineBytes = leveled(0, false).length + 1
  for (const queue of [{ maxLines: 20 }, { maxBytes: 20 * lineBytes }]) {
    const rig = new ProtectingRig({ windowBytes: 1e6, queue })
    rig.wake()
    for (let number = 10; number < 50; number++) rig.log(`${number}`)
    t.equal(rig.snapshot().unsettledLines, 10)
    rig.log('50! 51!')
    t.match(rig.drops, { protected: 0 })
    for (let n = 0; n < 50; n++) if (rig.child.given > rig.child.accepted) rig.child.deliver()
    t.match(rig.given, / 50 51$/)
  }
})

t.test('lines without a usable level are protected', async t => {
  const rig = new ProtectingRig({ queue: { maxLines: 3 } })
  rig.trip()
  rig.offer('{"n":0}', 'no JSON', leveled(2, false))
  rig.offer(leveled(3, false))
  rig.offer(leveled(4, true))
  t.match(rig.drops, { full: 2, protected: 0 })
})

t.test('levels that come with the config of the logger decide from then on, also about lines that wait', async t => {
  const rig = new ProtectingRig({ queue: { maxLines: 2 } })
  rig.trip()
  rig.offer('{"level":"audit","n":0}', '{"level":"audit","n":1}')
  rig.offer('{"level":"audit","n":2}')
  rig.lane.protect(protectErrors(new LevelReader('level', new LevelNames({ audit: 35 }))))
  rig.log('3!')
  t.match(rig.drops, { full: 2, protected: 1 })
})

t.test('a record that was dropped from the midst of the queue is lost, once the lines before it are gone', async t => {
  const rig = new ProtectingRig({ queue: { maxLines: 2 } })
  rig.wake()
  rig.log('0')
  rig.log('1!')
  const mark = rig.lane.nextMark
  rig.log('2')
  rig.log('3! 4!')
  t.equal(rig.lane.fateOf(mark), 'held', 'nobody can tell yet')
  for (let n = 0; n < 50; n++) if (rig.child.given > rig.child.accepted) rig.child.deliver()
  t.equal(rig.lane.fateOf(mark), 'lost')
})

t.test('a flush waits for the lines that are left', async t => {
  const rig = new ProtectingRig({ queue: { maxLines: 8 } })
  rig.wake()
  for (let number = 0; number < 20; number++) rig.log(number % 4 === 0 ? `${number}!` : `${number}`)
  let isFlushed = false
  rig.lane.settle(clock.now() + 1000).then(isInTime => { isFlushed = isInTime })
  await settled()
  t.notOk(isFlushed)
  for (let n = 0; n < 50; n++) if (rig.child.given > rig.child.accepted) rig.child.deliver()
  await settled()
  t.ok(isFlushed)
})

t.test('a share of the limits is a whole number of lines: no batch is empty', async t => {
  const rig = new ProtectingRig({ queue: { maxLines: 50 } })
  rig.trip()
  rig.log(Array.from({ length: 13 }, (_, line) => String(line)).join(' '))
  rig.recover()
  t.same(rig.child.sent.map(({ lines }) => lines.count), [12, 1])
  t.equal(rig.snapshot().linesDelivered, 13)
})
