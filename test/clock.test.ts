import { MessageChannel } from 'node:worker_threads'
import t from 'tap'
import { systemClock, WaitedTime } from '#lib/clock'
import { HandClock } from './support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** Waited time on a clock of the test, and the waited times at which its waits called back. */
function createTime (beatMs?: number) {
  const time = new WaitedTime(clock.now, callback => callback(), beatMs === undefined ? {} : { beatMs })
  const told: number[] = []
  const wait = (ms: number) => time.whenReached(time.now() + ms, () => { told.push(time.now()) })
  return { time, told, wait }
}

t.test('waited time goes on while somebody waits and the loop turns', async t => {
  const { time, wait } = createTime()
  wait(10000)
  const start = time.now()
  clock.advance(5000)
  t.equal(time.now() - start, 5000)
})

t.test('a wait is told once, soon after its time', async t => {
  const { told, wait } = createTime()
  wait(1000)
  clock.advance(999)
  t.same(told, [])
  clock.advance(60)
  t.equal(told.length, 1)
  clock.advance(60000)
  t.equal(told.length, 1)
})

t.test('a stop of any length counts as some milliseconds', async t => {
  const { time, told, wait } = createTime()
  wait(10000)
  clock.advance(1000)
  const before = time.now()
  clock.stop(3600000)
  t.ok(time.now() - before <= 100, `${time.now() - before} ms`)
  t.same(told, [], 'an hour in which nobody ran is no reason to tell of ten seconds')
  clock.advance(8900)
  t.same(told, [])
  clock.advance(200)
  t.equal(told.length, 1)
})

t.test('while nothing is due soon, the clock is looked at less often', async t => {
  const { time, told, wait } = createTime()
  let looks = 0
  const { now } = clock
  const counting = new WaitedTime(() => {
    looks++
    return now()
  }, callback => callback())
  counting.whenReached(counting.now() + 10000, () => {})
  clock.advance(1000)
  t.ok(looks < 35, `${looks} looks`)
  counting.whenReached(counting.now() + 500, () => {})
  looks = 0
  clock.advance(400)
  t.ok(looks > 35, `${looks} looks`)

  wait(10000)
  clock.advance(50)
  const before = time.now()
  wait(100)
  clock.stop(3600000)
  t.ok(time.now() - before <= 20, `${time.now() - before} ms`)
  clock.advance(150)
  t.equal(told.length, 1)
})

t.test('for lazy waits the clock is looked at less often, however soon they are due', async t => {
  const { time, told, wait } = createTime()
  const lazily = (ms: number) => time.whenReached(time.now() + ms, () => { told.push(time.now()) }, true)
  lazily(10000)
  clock.advance(9500)
  const before = time.now()
  clock.stop(3600000)
  t.ok(time.now() - before > 20, `${time.now() - before} ms`)
  clock.advance(600)
  t.equal(told.length, 1)

  lazily(10000)
  const cancel = wait(500)
  clock.advance(50)
  const beforeStop = time.now()
  clock.stop(3600000)
  t.ok(time.now() - beforeStop <= 20, `${time.now() - beforeStop} ms beside one that is not lazy`)
  cancel()
})

t.test('a lazy wait does not wake the thread before its next look', async t => {
  const { time, told, wait } = createTime()
  wait(10000)
  clock.advance(10)
  time.whenReached(time.now() + 30, () => { told.push(time.now()) }, true)
  clock.advance(80)
  t.equal(told.length, 0)
  clock.advance(120)
  t.equal(told.length, 1)
})

t.test('a slower pulse looks less often, and counts a stop as one beat', async t => {
  const { time, told, wait } = createTime(1000)
  wait(10000)
  const before = time.now()
  clock.stop(3600000)
  t.ok(time.now() - before <= 1000, `${time.now() - before} ms`)
  clock.advance(7999)
  t.same(told, [])
  clock.advance(3001)
  t.equal(told.length, 1)
})

t.test('stop after stop does not add up to a wait', async t => {
  const { told, wait } = createTime()
  wait(10000)
  for (let i = 0; i < 100; i++) {
    clock.stop(11000)
    clock.advance(20)
  }
  t.same(told, [])
})

t.test('the last moment of a wait is followed by a turn of the loop in which what has arrived is handled', async t => {
  const { told, wait } = createTime()
  wait(100)
  clock.advance(90)
  // The sink's answers from meanwhile come after the timers of this turn.
  clock.stop(11000)
  t.same(told, [])
  clock.advance(40)
  t.equal(told.length, 1)
})

t.test('a cancelled wait is never told, also by another wait at the same moment', async t => {
  const { time } = createTime()
  const told: string[] = []
  const due = time.now() + 50
  time.whenReached(due, () => {
    told.push('first')
    cancelSecond()
  })
  const cancelSecond = time.whenReached(due, () => { told.push('second') })
  const cancelThird = time.whenReached(due, () => { told.push('third') })
  cancelThird()
  clock.advance(1000)
  t.same(told, ['first'])
})

t.test('nobody waits: there is no timer, and time stands still', async t => {
  const { time, told, wait } = createTime()
  wait(10)
  clock.advance(1000)
  t.equal(told.length, 1)
  t.equal(clock.timers, 0)
  const before = time.now()
  clock.advance(5000)
  t.equal(time.now(), before)
  wait(100)
  clock.advance(90)
  t.equal(told.length, 1, 'the time in between is nobody\'s waiting')
  clock.advance(100)
  t.equal(told.length, 2)
})

t.test('a clock that goes back takes no waited time away', async t => {
  let now = 1000
  const time = new WaitedTime(() => now, callback => callback())
  time.whenReached(1e6, () => {})
  const before = time.now()
  now = 0
  t.equal(time.now(), before)
})

t.test('a wait that is told may wait again', async t => {
  const { time } = createTime()
  let turns = 0
  const again = (): void => { if (++turns < 5) time.whenReached(time.now() + 100, again) }
  again()
  clock.advance(1000)
  t.equal(turns, 5)
})

t.test('this thread: an answer that came while it was busy is seen before the timeout', async t => {
  clock.release()
  const { port1, port2 } = new MessageChannel()
  t.teardown(() => port1.close())
  const seen: string[] = []
  systemClock.whenWaited(systemClock.waited() + 5, () => { seen.push('timeout') })
  port1.on('message', () => { seen.push('answer') })
  port2.postMessage('delivered')
  const busyUntil = performance.now() + 300
  while (performance.now() < busyUntil);
  while (!seen.includes('timeout')) await new Promise(resolve => setTimeout(resolve, 5))
  t.same(seen, ['answer', 'timeout'])
})
