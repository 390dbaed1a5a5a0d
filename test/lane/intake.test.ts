import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Batch, type Lines } from '#lib/batch'
import { Intake, type IntakeSettings } from '#lib/lane/intake'
import { Pace } from '#lib/lane/pace'
import { Unsettled, type Attempt } from '#lib/lane/unsettled'
import { HandClock } from '../support/hand-clock.js'
import { batchOf } from '../support/lane-rig.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** An intake whose sink is in the hands of a test. */
class Rig {
  readonly pace = new Pace()
  readonly unsettled = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
  readonly intake: Intake
  readonly surrendered: Attempt[] = []
  dropped = 0
  droppedDiagnostics = 0
  reliefs = 0
  ticks = 0
  isTakenFrom = true
  readonly app = { isTurning: true }

  constructor (settings: Partial<IntakeSettings> = {}) {
    this.intake = new Intake({ maxBytes: 100, maxLines: 1000, overflow: 'drop-oldest', blockTimeoutMs: 2000, ...settings }, { clock, app: this.app, sinkPace: this.pace, diskPace: new Pace(), unsettled: this.unsettled }, {
      isTakenFrom: () => this.isTakenFrom,
      isDiverting: () => false,
      pendingBytes: () => 0,
      onOverflow: () => false,
      onSurrender: attempt => { this.surrendered.push(attempt) },
      onDropped: (lines, isDiagnostic) => {
        this.dropped += lines
        if (isDiagnostic) this.droppedDiagnostics += lines
      },
      onRelief: () => { this.reliefs++ },
      onTick: () => {
        this.ticks++
        this.intake.admit()
      }
    })
  }

  /** Hands the oldest lines to the sink. */
  send (): Lines {
    const lines = this.intake.shift(Infinity)
    if (lines === undefined) throw new Error('there is nothing to be sent')
    this.unsettled.add(`life:${lines.firstLine}`, lines, null)
    return lines
  }

  /** The sink takes so many bytes of what it was given. */
  accept (upTo: number): void {
    this.pace.progress(clock.now(), this.unsettled.acceptUpTo(upTo, clock.now()))
  }

  drain (): string {
    return this.intake.drain().map(({ bytes }) => bytes.toString()).join('')
  }
}

/** A line of so many bytes with its newline. */
const line = (letter: string, bytes: number): string => letter.repeat(bytes - 1)

t.test('what fits is queued, and numbered', async t => {
  const rig = new Rig()
  rig.intake.add(batchOf('a', 'b'))
  rig.intake.add(batchOf('c'))
  t.match(rig.intake, { lines: 3, bytes: 6, firstLine: 0, nextLine: 3, isEmpty: false, isPressing: false, hasQueued: true })
  t.equal(rig.drain(), 'a\nb\nc\n')
  t.ok(rig.intake.isEmpty)
})

t.test('what came back is taken first', async t => {
  const rig = new Rig()
  rig.intake.add(batchOf('a'))
  const lines = rig.intake.shift(Infinity) as Lines
  rig.intake.add(batchOf('b'))
  rig.intake.unshift([lines])
  t.equal(rig.drain(), 'a\nb\n')
})

t.test('straight through', async t => {
  t.test('lines go if nothing is before them', async t => {
    const rig = new Rig()
    const batch = batchOf('a', 'b')
    t.ok(rig.intake.letsPass(batch))
    t.match(rig.intake.pass(batch), { count: 2, firstLine: 0 })
    t.equal(rig.intake.nextLine, 2)
  })

  t.test('lines do not go past what is queued', async t => {
    const rig = new Rig()
    rig.intake.add(batchOf('a'))
    t.notOk(rig.intake.letsPass(batchOf('b')))
  })

  t.test('lines do not go past the bounds', async t => {
    const rig = new Rig({ maxLines: 2 })
    t.notOk(rig.intake.letsPass(batchOf('a', 'b', 'c')))
    t.notOk(rig.intake.letsPass(batchOf(line('a', 60), line('b', 60))))
  })

  t.test('a single line goes whatever its size, if the sink has nothing else', async t => {
    const rig = new Rig()
    const batch = batchOf(line('a', 200))
    t.ok(rig.intake.letsPass(batch))
    rig.unsettled.add('life:0', rig.intake.pass(batch), null)
    t.notOk(rig.intake.letsPass(batch))
  })

  t.test('accepted lines make room', async t => {
    const rig = new Rig()
    rig.unsettled.add('life:0', rig.intake.pass(batchOf(line('a', 80))), null)
    t.notOk(rig.intake.letsPass(batchOf(line('b', 80))))
    rig.accept(80)
    t.ok(rig.intake.letsPass(batchOf(line('b', 80))))
    t.equal(rig.surrendered.length, 1)
  })
})

t.test('a full queue', async t => {
  t.test('is one of bytes or of lines, with what the sink has', async t => {
    for (const settings of [{ maxBytes: 6 }, { maxLines: 3 }]) {
      const rig = new Rig({ ...settings, blockTimeoutMs: 0 })
      rig.intake.add(batchOf('a'))
      rig.send()
      rig.intake.add(batchOf('b', 'c'))
      t.equal(rig.dropped, 0)
      rig.intake.add(batchOf('d'))
      t.equal(rig.dropped, 1)
      t.equal(rig.drain(), 'c\nd\n')
    }
  })

  t.test('takes what was accepted before it drops or holds back anything', async t => {
    const rig = new Rig()
    for (const letter of ['a', 'b', 'c']) {
      rig.intake.add(batchOf(line(letter, 30)))
      rig.send()
    }
    rig.accept(60)
    rig.intake.add(batchOf(line('d', 30)))
    t.same(rig.surrendered.map(({ id }) => id), ['life:0'])
    t.equal(rig.dropped, 0)
    t.notOk(rig.intake.isPressing)
  })

  t.test('tells whether what it dropped was a diagnostic', async t => {
    const rig = new Rig({ maxLines: 1, blockTimeoutMs: 0, overflow: 'drop-newest' })
    rig.intake.add(batchOf('a'))
    rig.intake.add(new Batch('d\n', 1, { isDiagnostic: true }))
    t.match(rig, { dropped: 1, droppedDiagnostics: 1 })
  })

  t.test('drop-oldest: as many of the oldest lines go as are needed', async t => {
    const rig = new Rig({ maxLines: 4, blockTimeoutMs: 0 })
    rig.intake.add(batchOf('a', 'b', 'c', 'd'))
    rig.intake.add(batchOf('e', 'f'))
    t.equal(rig.dropped, 2)
    t.equal(rig.drain(), 'c\nd\ne\nf\n')
  })

  t.test('drop-oldest: of a batch that is larger than the queue its last lines stay', async t => {
    const rig = new Rig({ maxLines: 3, blockTimeoutMs: 0 })
    rig.intake.add(batchOf('a', 'b'))
    rig.intake.add(batchOf('c', 'd', 'e', 'f', 'g'))
    t.equal(rig.dropped, 4)
    t.equal(rig.drain(), 'e\nf\ng\n')
  })

  t.test('drop-oldest: a line that the queue could not keep at all does not cost what is in it', async t => {
    const rig = new Rig({ maxBytes: 10, blockTimeoutMs: 0 })
    rig.intake.add(batchOf('a', 'b'))
    rig.intake.add(batchOf(line('x', 11)))
    t.equal(rig.dropped, 1)
    t.equal(rig.drain(), 'a\nb\n')
  })

  t.test('drop-oldest: lines behind one that cannot be kept are kept', async t => {
    const rig = new Rig({ maxBytes: 10, blockTimeoutMs: 0 })
    rig.intake.add(batchOf('a', 'b'))
    rig.intake.add(batchOf('c', line('x', 11), 'd'))
    t.equal(rig.dropped, 2)
    t.equal(rig.drain(), 'a\nb\nd\n')
  })

  t.test('drop-newest: what fits of the new lines stays', async t => {
    const rig = new Rig({ maxLines: 3, overflow: 'drop-newest', blockTimeoutMs: 0 })
    rig.intake.add(batchOf('a'))
    rig.intake.add(batchOf('b', 'c', 'd', 'e'))
    t.equal(rig.dropped, 2)
    t.equal(rig.drain(), 'a\nb\nc\n')
  })

  t.test('drop-newest: nothing stays where not one line fits', async t => {
    for (const settings of [{ maxLines: 1 }, { maxBytes: 2 }, { maxBytes: 3 }]) {
      const rig = new Rig({ ...settings, overflow: 'drop-newest', blockTimeoutMs: 0 })
      rig.intake.add(batchOf('a'))
      rig.intake.add(batchOf('b', 'c'))
      t.equal(rig.dropped, 2)
      t.equal(rig.drain(), 'a\n')
    }
  })

  t.test('drops at once for a sink that is not given lines, by every policy', async t => {
    for (const overflow of ['drop-oldest', 'drop-newest', 'block'] as const) {
      const rig = new Rig({ maxLines: 1, overflow })
      rig.isTakenFrom = false
      rig.intake.add(batchOf('a'))
      rig.intake.add(batchOf('b'))
      t.notOk(rig.intake.isPressing)
      t.equal(rig.dropped, 1)
      t.equal(rig.drain(), overflow === 'drop-newest' ? 'a\n' : 'b\n')
    }
  })
})

t.test('holding back', async t => {
  /** An intake that is full: the sink has one line of ten bytes, nine more wait. */
  function fullRig (settings: Partial<IntakeSettings> = {}): Rig {
    const rig = new Rig(settings)
    rig.intake.add(batchOf(line('a', 10)))
    rig.send()
    for (let i = 0; i < 9; i++) rig.intake.add(batchOf(line('b', 10)))
    return rig
  }

  t.test('new lines wait while the sink moves fast enough, and come in as it takes others', async t => {
    const rig = fullRig()
    clock.advance(100)
    rig.accept(10)
    rig.intake.add(batchOf(line('c', 10)))
    t.equal(rig.surrendered.length, 1, 'the accepted line made room')
    rig.intake.add(batchOf(line('d', 10)))
    t.ok(rig.intake.isPressing)
    t.match(rig.intake, { lines: 11, bytes: 110 })
    rig.send()
    rig.unsettled.deliverUpTo(110)
    rig.intake.admit()
    t.notOk(rig.intake.isPressing)
    t.equal(rig.reliefs, 1)
    t.equal(rig.dropped, 0)
  })

  t.test('lines that come while others wait queue up behind them', async t => {
    const rig = fullRig()
    rig.intake.add(batchOf(line('c', 10)))
    rig.intake.add(batchOf('d'))
    t.match(rig.intake, { lines: 11, bytes: 102 })
    t.match(rig.drain(), /b\nc{9}\nd\n$/)
  })

  t.test('as many lines of a large batch come in as there is room for', async t => {
    const rig = new Rig({ maxLines: 3 })
    rig.intake.add(batchOf('a'))
    rig.intake.add(batchOf('b', 'c', 'd', 'e', 'f', 'g'))
    t.ok(rig.intake.isPressing)
    t.equal(rig.intake.shift(Infinity)?.count, 3)
    rig.intake.admit()
    t.equal(rig.intake.shift(Infinity)?.bytes.toString(), 'd\ne\nf\n')
    rig.intake.admit()
    t.equal(rig.intake.shift(Infinity)?.bytes.toString(), 'g\n')
    t.notOk(rig.intake.isPressing)
    t.equal(rig.dropped, 0)
  })

  t.test('a single line that is larger than the queue comes in when nothing else is there', async t => {
    const rig = new Rig({ maxBytes: 10 })
    rig.intake.add(batchOf('a'))
    rig.intake.add(batchOf(line('x', 50)))
    t.ok(rig.intake.isPressing)
    rig.send()
    rig.intake.admit()
    t.ok(rig.intake.isPressing)
    rig.unsettled.deliverUpTo(2)
    rig.intake.admit()
    t.notOk(rig.intake.isPressing)
    t.equal(rig.send().bytes.length, 50)
    t.equal(rig.dropped, 0)
  })

  t.test('a sink that is starting is trusted for blockTimeoutMs', async t => {
    const rig = new Rig()
    for (let i = 0; i < 11; i++) rig.intake.add(batchOf(line('b', 10)))
    clock.advance(1999)
    t.ok(rig.intake.isPressing)
    t.ok(rig.ticks > 0)
    clock.advance(21)
    t.notOk(rig.intake.isPressing)
    t.match(rig, { dropped: 1, reliefs: 1 })
  })

  t.test('a sink that has lines in its hands and is silent is trusted for as long as its share of the queue takes', async t => {
    const rig = fullRig({ blockTimeoutMs: 10000 })
    rig.intake.add(batchOf(line('c', 10)))
    clock.advance(999)
    t.ok(rig.intake.isPressing)
    clock.advance(21)
    t.notOk(rig.intake.isPressing)
    t.match(rig, { dropped: 1, reliefs: 1 })
  })

  t.test('of a sink that has not taken anything yet, a silence of half a second says nothing', async t => {
    const rig = fullRig({ blockTimeoutMs: 1000 })
    rig.intake.add(batchOf(line('c', 10)))
    clock.advance(499)
    t.ok(rig.intake.isPressing)
    clock.advance(21)
    t.notOk(rig.intake.isPressing)
  })

  t.test('of a sink that was fast, a silence of a quarter of a second says nothing', async t => {
    const rig = fullRig({ blockTimeoutMs: 10000 })
    clock.advance(100)
    rig.accept(9)
    rig.intake.add(batchOf(line('c', 10)))
    clock.advance(249)
    t.ok(rig.intake.isPressing)
    clock.advance(21)
    t.notOk(rig.intake.isPressing)
  })

  t.test('a sink that is too slow to empty the queue within blockTimeoutMs is not waited for', async t => {
    const slow = fullRig({ blockTimeoutMs: 2000 })
    clock.advance(400)
    slow.accept(10)
    slow.send()
    slow.intake.add(batchOf(line('c', 20)))
    t.notOk(slow.intake.isPressing, '100 bytes at 10 in 400 ms take 4 s')
    t.equal(slow.dropped, 1)

    const fast = fullRig({ blockTimeoutMs: 2000 })
    clock.advance(100)
    fast.accept(10)
    fast.send()
    fast.intake.add(batchOf(line('c', 20)))
    t.ok(fast.intake.isPressing, '100 bytes at 10 in 100 ms take 1 s')
  })

  t.test('a sink that stops is waited for no longer than blockTimeoutMs', async t => {
    for (const overflow of ['drop-oldest', 'block'] as const) {
      const rig = fullRig({ overflow, blockTimeoutMs: 2000 })
      clock.advance(10)
      rig.accept(5)
      rig.intake.add(batchOf(line('c', 10)))
      clock.advance(overflow === 'block' ? 1999 : 50)
      t.ok(rig.intake.isPressing)
      clock.advance(2000)
      t.notOk(rig.intake.isPressing)
      t.equal(rig.dropped, 1)
    }
  })

  t.test('block: a slow sink is waited for as long as it moves', async t => {
    const rig = fullRig({ overflow: 'block', blockTimeoutMs: 2000 })
    rig.intake.add(batchOf(line('c', 10)))
    for (let taken = 1; taken < 4; taken++) {
      clock.advance(1200)
      rig.accept(taken)
    }
    t.ok(rig.intake.isPressing)
    t.equal(rig.dropped, 0)
  })

  t.test('block: nothing is held back for longer than an app could wait at its end', async t => {
    const rig = fullRig({ overflow: 'block', blockTimeoutMs: 60000 })
    rig.intake.add(batchOf(line('c', 10)))
    for (let taken = 1; taken < 4; taken++) {
      clock.advance(1000)
      rig.accept(taken)
    }
    t.ok(rig.intake.isPressing)
    clock.advance(1050)
    t.notOk(rig.intake.isPressing)
    t.equal(rig.dropped, 1)
  })

  t.test('ends at once when the sink is given lines no more', async t => {
    const rig = fullRig({ overflow: 'block' })
    rig.intake.add(batchOf(line('c', 10)))
    t.ok(rig.intake.isPressing)
    rig.isTakenFrom = false
    rig.intake.admit()
    t.notOk(rig.intake.isPressing)
    t.equal(rig.dropped, 1)
  })

  t.test('what waits comes out with the rest, and nothing is held back then', async t => {
    const rig = fullRig()
    rig.intake.add(batchOf(line('c', 10)))
    t.match(rig.drain(), /b\nc{9}\n$/)
    t.notOk(rig.intake.isPressing)
    const { ticks } = rig
    clock.advance(1000)
    t.equal(rig.ticks, ticks, 'its timer is released')
  })
})

t.test('whatever comes and goes, lines keep their order, the bounds hold, and every line is queued, out or dropped', async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), lengths: fc.array(fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 4, max: 12 }) }, { weight: 1, arbitrary: fc.integer({ min: 50, max: 90 }) }), { minLength: 1, maxLength: 8 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('send' as const) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('accept' as const), bytes: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('deliver' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(1500) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('toggle' as const) }) }
  )
  fc.assert(fc.property(
    fc.array(step, { maxLength: 60 }),
    fc.record({ overflow: fc.constantFrom('drop-oldest' as const, 'drop-newest' as const, 'block' as const), maxBytes: fc.integer({ min: 20, max: 80 }), maxLines: fc.integer({ min: 1, max: 10 }) }),
    (steps, settings) => {
      const rig = new Rig(settings)
      let given = 0
      let accepted = 0
      let added = 0
      let out = 0
      let last = -1
      const takeOut = (text: string): void => {
        for (const line of text.split('\n').slice(0, -1)) {
          const number = Number(line.split('.')[0])
          assert.ok(number > last, 'lines change their order')
          last = number
          out++
        }
      }
      for (const step of steps) {
        switch (step.do) {
          case 'add':
            rig.intake.add(batchOf(...step.lengths.map(length => `${added++}.`.padEnd(length, 'x'))))
            break
          case 'send':
            if (rig.intake.hasQueued) {
              const lines = rig.send()
              given += lines.bytes.length
              takeOut(lines.bytes.toString())
            }
            break
          case 'accept':
            accepted = Math.min(given, accepted + step.bytes)
            rig.accept(accepted)
            rig.intake.admit()
            break
          case 'deliver':
            rig.unsettled.deliverUpTo(accepted)
            rig.intake.admit()
            break
          case 'wait':
            clock.advance(step.ms)
            break
          case 'toggle':
            rig.isTakenFrom = !rig.isTakenFrom
            rig.intake.admit()
        }
        assert.equal(rig.intake.lines + out + rig.dropped, added)
        const held = { lines: rig.intake.lines + rig.unsettled.lines, bytes: rig.intake.bytes + rig.unsettled.bytes }
        assert.ok(rig.intake.isPressing || held.lines <= 1 || (held.lines <= settings.maxLines && held.bytes <= settings.maxBytes), 'the bounds are passed')
      }
      takeOut(rig.drain())
      assert.equal(out + rig.dropped, added)
    }
  ), { numRuns: 300 })
})
