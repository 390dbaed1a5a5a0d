import t from 'tap'
import { freshLines } from '#lib/batch'
import { Pace } from '#lib/pace'
import { Quiet } from '#lib/quiet'
import { Unsettled } from '#lib/lane/unsettled'
import { Watch } from '#lib/lane/watch'
import { HandClock } from '../support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

class Rig {
  readonly unsettled = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
  readonly pace = new Pace()
  readonly quiet: string[] = []
  timeouts = 0
  readonly quietTime = new Quiet({ settleMs: 200, writeTimeoutMs: 1000, isSensing: false })
  readonly watch: Watch = new Watch({ clock, pace: this.pace, unsettled: this.unsettled, writeTimeoutMs: 1000, quiet: this.quietTime, gate: { isTripped: false } }, () => {
    const { quiet, isLate } = this.watch.look()
    this.quiet.push(...quiet.map(({ id }) => id))
    if (isLate) {
      this.timeouts++
      this.unsettled.takeAll()
    }
    this.watch.update()
  })

  give (id: string): void {
    this.watch.begin()
    this.unsettled.add(id, freshLines(Buffer.from('a\n'), 1, 0), null, 0)
    this.watch.update()
  }

  accept (bytes: number, consumed = bytes): void {
    this.unsettled.acceptUpTo(bytes, clock.now())
    if (this.unsettled.consumeUpTo(consumed, clock.now(), false)) this.watch.noteConsumption()
    this.pace.progress(clock.now(), bytes)
    this.watch.update()
  }
}

t.test('what is accepted and stays quiet is told of, each in its own time', async t => {
  const rig = new Rig()
  rig.give('1')
  rig.accept(2)
  clock.advance(100)
  rig.give('2')
  rig.accept(4)
  clock.advance(100)
  t.same(rig.quiet, ['1'])
  clock.advance(100)
  t.same(rig.quiet, ['1', '2'])
  clock.advance(5000)
  t.equal(rig.timeouts, 0)
})

t.test('the clock may be lazy for a settlement, and not where the sink may be late', async t => {
  const rig = new Rig()
  const asked: Array<boolean | undefined> = []
  const { whenWaited } = clock
  t.teardown(() => { clock.whenWaited = whenWaited })
  clock.whenWaited = (due, callback, isLazy?: boolean) => {
    asked.push(isLazy)
    return whenWaited(due, callback)
  }
  rig.give('1')
  t.same(asked, [false])
  rig.accept(2)
  t.same(asked, [false, true])
})

t.test('where requests are seen, quiet takes ten times as long, and as long as a request may', async t => {
  const rig = new Rig()
  rig.quietTime.noteTraffic('requests')
  rig.give('1')
  rig.accept(2)
  clock.advance(2999)
  t.same(rig.quiet, [])
  clock.advance(1)
  t.same(rig.quiet, ['1'])
})

t.test('what is not accepted in time is told of, counted from when the sink had nothing else', async t => {
  const rig = new Rig()
  clock.advance(5000)
  rig.give('1')
  clock.advance(500)
  rig.give('2')
  clock.advance(499)
  t.equal(rig.timeouts, 0)
  clock.advance(1)
  t.equal(rig.timeouts, 1)
})

t.test('any progress puts that off', async t => {
  const rig = new Rig()
  rig.give('1')
  rig.give('2')
  clock.advance(900)
  rig.accept(2)
  clock.advance(999)
  t.equal(rig.timeouts, 0)
  clock.advance(1)
  t.equal(rig.timeouts, 1)
})

t.test('what stands in the sink\'s own buffers counts for nothing, and once it has left them its quiet begins', async t => {
  const rig = new Rig()
  rig.give('1')
  rig.give('2')
  rig.accept(4, 2)
  clock.advance(900)
  t.same(rig.quiet, ['1'])
  rig.accept(4)
  clock.advance(199)
  t.same(rig.quiet, ['1'])
  clock.advance(1)
  t.same(rig.quiet, ['1', '2'])
  t.equal(rig.timeouts, 0)
})

t.test('what does not leave the sink\'s own buffers in time is told of, whatever it accepts meanwhile', async t => {
  const rig = new Rig()
  rig.give('1')
  rig.accept(2, 0)
  clock.advance(500)
  rig.give('2')
  rig.accept(4, 0)
  clock.advance(499)
  t.equal(rig.timeouts, 0)
  clock.advance(1)
  t.equal(rig.timeouts, 1)
})

t.test('as long as something leaves them there is time', async t => {
  const rig = new Rig()
  for (const id of ['1', '2', '3']) rig.give(id)
  rig.accept(6, 0)
  clock.advance(900)
  rig.accept(6, 2)
  clock.advance(900)
  rig.accept(6, 4)
  clock.advance(999)
  t.equal(rig.timeouts, 0)
  clock.advance(1)
  t.equal(rig.timeouts, 1)
})

t.test('the time of quiet can be made shorter, and not longer', async t => {
  const rig = new Rig()
  rig.give('1')
  rig.accept(2)
  rig.quietTime.shorten(50)
  rig.quietTime.shorten(5000)
  rig.watch.update()
  clock.advance(50)
  t.same(rig.quiet, ['1'])
})

t.test('once stopped it has no timer', async t => {
  const rig = new Rig()
  rig.give('1')
  rig.watch.stop()
  t.equal(clock.timers, 0)
})
