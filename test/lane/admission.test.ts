import t, { type Test } from 'tap'
import { freshLines, type Lines } from '#lib/batch'
import { Admission } from '#lib/lane/admission'
import type { Outlet } from '#lib/lane/outlet'
import { Pace } from '#lib/pace'
import type { QueueSettings } from '#lib/options'
import { LineQueue } from '#lib/queue'
import { HandClock } from '../support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** An outlet whose amounts a test sets. */
class PlainOutlet implements Outlet {
  isTaking = true
  held = { bytes: 0, lines: 0 }
  unacceptedBytes = 0
  exceeds = false
  readonly pace = new Pace()

  canTake (): boolean { return true }
  mayExceed (): boolean { return this.exceeds }
}

/** A queue and an outlet, of which the admission asks nothing but amounts and paces. */
class Rig {
  readonly queue: LineQueue
  readonly outlet = new PlainOutlet()
  readonly app = { isTurning: true }
  readonly admission: Admission
  pressingSince = clock.waited()

  constructor (settings: Partial<QueueSettings> = {}) {
    const complete: QueueSettings = { maxBytes: 100, maxLines: 1000, overflow: 'drop-oldest', blockTimeoutMs: 2000, ...settings }
    this.queue = new LineQueue(complete)
    this.admission = new Admission(complete, this.queue, clock, this.app)
    this.outlet.pace.begin(clock.waited())
  }

  /** A queue of ninety bytes, and a sink that holds a line of ten. */
  static full (settings: Partial<QueueSettings> = {}): Rig {
    const rig = new Rig(settings)
    for (let i = 0; i < 9; i++) rig.queue.push(line('b', 10))
    rig.outlet.held = { bytes: 10, lines: 1 }
    rig.outlet.unacceptedBytes = 10
    return rig
  }

  /** The sink takes bytes that it holds. */
  accept (bytes: number): void {
    this.outlet.unacceptedBytes -= bytes
    this.outlet.pace.progress(clock.waited(), bytes)
  }

  decide (lines = line('c', 10)): string {
    return this.admission.decide(lines, this.outlet, this.pressingSince)
  }

  /** Sheds by the policy, as a lane does; returns how many lines were dropped. */
  shed (...words: string[]): number {
    const { kept, dropped } = this.admission.shed(linesOf(...words), this.outlet)
    if (kept !== undefined) this.queue.push(kept)
    return dropped
  }

  drain (): string {
    return textOf(this.queue.drain())
  }
}

function linesOf (...words: string[]): Lines {
  return freshLines(Buffer.from(words.map(word => `${word}\n`).join('')), words.length, 0)
}

/** A line of so many bytes with its newline. */
function line (letter: string, bytes: number): Lines {
  return linesOf(letter.repeat(bytes - 1))
}

function textOf (lines: readonly Lines[]): string {
  return lines.map(({ bytes }) => bytes.toString()).join('')
}

t.test('lines are admitted if they are within the limits, with those that the outlet holds', async t => {
  for (const settings of [{ maxBytes: 6 }, { maxLines: 3 }]) {
    const rig = new Rig({ ...settings, blockTimeoutMs: 0 })
    rig.outlet.held = { bytes: 2, lines: 1 }
    t.equal(rig.decide(linesOf('b', 'c')), 'admit')
    rig.queue.push(linesOf('b', 'c'))
    t.equal(rig.decide(linesOf('d')), 'shed')
  }
})

t.test('lines that leave memory at once are admitted to an empty queue, whatever its limits', async t => {
  const rig = new Rig({ maxLines: 1 })
  rig.outlet.exceeds = true
  t.equal(rig.decide(linesOf('a', 'b')), 'admit')
  rig.queue.push(linesOf('c'))
  t.equal(rig.decide(linesOf('a', 'b')), 'hold-back')
})

t.test('a single line is admitted whatever its size, once nothing else is there', async t => {
  const rig = new Rig({ maxBytes: 10 })
  rig.outlet.held = { bytes: 2, lines: 1 }
  t.equal(rig.decide(line('x', 50)), 'hold-back')
  rig.outlet.held = { bytes: 0, lines: 0 }
  t.equal(rig.decide(line('x', 50)), 'admit')
  rig.outlet.isTaking = false
  t.equal(rig.decide(line('x', 50)), 'shed')
})

t.test('nothing is held back', async t => {
  t.test('for an outlet that takes nothing, by every policy', async t => {
    for (const overflow of ['drop-oldest', 'drop-newest', 'block'] as const) {
      const rig = Rig.full({ overflow })
      rig.outlet.isTaking = false
      t.equal(rig.decide(), 'shed')
    }
  })

  t.test('once the app may be waiting for its end', async t => {
    const rig = Rig.full({ overflow: 'block' })
    t.equal(rig.decide(), 'hold-back')
    rig.app.isTurning = false
    t.equal(rig.decide(), 'shed')
  })

  t.test('for longer than an app could wait at its end, even if lines move', async t => {
    const rig = Rig.full({ overflow: 'block', blockTimeoutMs: 60000 })
    for (let taken = 1; taken < 4; taken++) {
      clock.advance(1000)
      rig.accept(1)
    }
    clock.advance(999)
    t.equal(rig.decide(), 'hold-back')
    clock.advance(1)
    t.equal(rig.decide(), 'shed')
  })
})

t.test('lines are held back', async t => {
  /** Asserts that lines are held back for so long and no longer. */
  const isHeldBackFor = (t: Test, rig: Rig, ms: number): void => {
    clock.advance(ms - 1)
    t.equal(rig.decide(), 'hold-back')
    clock.advance(1)
    t.equal(rig.decide(), 'shed')
  }

  t.test('by a sink that is starting, for blockTimeoutMs', async t => {
    const rig = Rig.full()
    rig.outlet.unacceptedBytes = 0
    isHeldBackFor(t, rig, 2000)
  })

  t.test('by a sink that is silent, for the share of blockTimeoutMs that its lines have in all', async t => {
    isHeldBackFor(t, Rig.full({ blockTimeoutMs: 10000 }), 1000)
  })

  t.test('by a sink that has not taken anything yet, for half a second at least', async t => {
    isHeldBackFor(t, Rig.full({ blockTimeoutMs: 1000 }), 500)
  })

  t.test('by a sink that was fast, for a quarter of a second at least', async t => {
    const rig = Rig.full({ blockTimeoutMs: 10000 })
    clock.advance(100)
    rig.accept(9)
    isHeldBackFor(t, rig, 250)
  })

  t.test('only if the sink is fast enough to empty the queue within blockTimeoutMs', async t => {
    const slow = Rig.full()
    clock.advance(400)
    slow.accept(10)
    t.equal(slow.decide(line('c', 20)), 'shed', '90 bytes at 10 in 400 ms take 3.6 s')

    const fast = Rig.full()
    clock.advance(100)
    fast.accept(10)
    t.equal(fast.decide(line('c', 20)), 'hold-back', '90 bytes at 10 in 100 ms take 0.9 s')
  })

  t.test('block: as long as the sink moves, however slowly', async t => {
    const rig = Rig.full({ overflow: 'block' })
    for (let taken = 1; taken < 3; taken++) {
      clock.advance(1900)
      t.equal(rig.decide(), 'hold-back')
      rig.accept(1)
    }
    rig.pressingSince = clock.waited()
    isHeldBackFor(t, rig, 2000)
  })
})

t.test('as many lines as there is room for are cut off', async t => {
  const rig = new Rig({ maxLines: 3 })
  rig.queue.push(linesOf('a'))
  const { head, rest } = rig.admission.cutToRoom(linesOf('b', 'c', 'd', 'e'), rig.outlet)
  t.equal(textOf([head as Lines]), 'b\nc\n')
  t.equal(textOf([rest as Lines]), 'd\ne\n')
  rig.queue.push(head as Lines)
  t.match(rig.admission.cutToRoom(rest as Lines, rig.outlet), { head: undefined, rest })
})

t.test('a queue that is full drops', async t => {
  t.test('drop-oldest: as many of the oldest lines as are needed', async t => {
    const rig = new Rig({ maxLines: 4 })
    rig.queue.push(linesOf('a', 'b', 'c', 'd'))
    t.equal(rig.shed('e', 'f'), 2)
    t.equal(rig.drain(), 'c\nd\ne\nf\n')
  })

  t.test('drop-oldest: of more lines than it could keep, all but the last ones', async t => {
    const rig = new Rig({ maxLines: 3 })
    rig.queue.push(linesOf('a', 'b'))
    t.equal(rig.shed('c', 'd', 'e', 'f', 'g'), 4)
    t.equal(rig.drain(), 'e\nf\ng\n')
  })

  t.test('drop-oldest: a line that it could not keep at all, and no line for that one', async t => {
    const rig = new Rig({ maxBytes: 10 })
    rig.queue.push(linesOf('a', 'b'))
    t.equal(rig.shed('x'.repeat(10)), 1)
    t.equal(rig.drain(), 'a\nb\n')
  })

  t.test('drop-oldest: no lines beside one that cannot be kept', async t => {
    const rig = new Rig({ maxBytes: 10 })
    rig.queue.push(linesOf('a', 'b'))
    t.equal(rig.shed('c', 'x'.repeat(10), 'd'), 1)
    t.equal(rig.drain(), 'a\nb\nc\nd\n')
  })

  t.test('drop-newest: new lines that do not fit', async t => {
    const rig = new Rig({ maxLines: 3, overflow: 'drop-newest' })
    rig.queue.push(linesOf('a'))
    t.equal(rig.shed('b', 'c', 'd', 'e'), 2)
    t.equal(rig.drain(), 'a\nb\nc\n')
  })

  t.test('drop-newest: all new lines where not one fits', async t => {
    for (const settings of [{ maxLines: 1 }, { maxBytes: 2 }, { maxBytes: 3 }]) {
      const rig = new Rig({ ...settings, overflow: 'drop-newest' })
      rig.queue.push(linesOf('a'))
      t.equal(rig.shed('b', 'c'), 2)
      t.equal(rig.drain(), 'a\n')
    }
  })
})
