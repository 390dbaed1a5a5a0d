import t from 'tap'
import { HandClock } from './support/hand-clock.js'
import { batchOf } from './support/lane-rig.js'
import { MemoryDisk } from './support/memory-disk.js'
import { FOLDER, OwnerList, rest } from './support/spool-rig.js'
import { SpoolingLane, type SpoolingLaneOptions } from './support/spooling-lane.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => clock.release())

/** A lane that does not wait for a queue that is full, and has room for three lines. */
async function tightLaneWith ({ queue, ...options }: Partial<SpoolingLaneOptions> = {}): Promise<SpoolingLane> {
  return await SpoolingLane.open({ clock, queue: { maxLines: 3, blockTimeoutMs: 0, ...queue }, ...options })
}

/** One whose sink has `a` in its hands, and the rest of which has gone to the disk, though the breaker is closed. */
async function overflownLaneWith (options: Partial<SpoolingLaneOptions> = {}): Promise<SpoolingLane> {
  const rig = await tightLaneWith(options)
  for (const word of ['a', 'b', 'c', 'd', 'e']) rig.log(word)
  await rest()
  return rig
}

function textOf (disk: MemoryDisk): string {
  return disk.paths.filter(path => path.endsWith('.ndjson')).map(path => disk.contentOf(path).toString()).join('').replaceAll('"', '').replaceAll('\n', ' ').trim()
}

t.test('what a full queue has no room for goes to the disk, with what is in the queue, and behind what the sink has', async t => {
  const rig = await overflownLaneWith()
  t.match(rig.snapshot(), { state: 'closed', linesReceived: 5, linesDropped: {}, unsettledLines: 1, queueLines: 0, spoolLines: 4 })
  t.equal(textOf(rig.disk), 'a b c d e')
  t.same(rig.spoolNews, [{ kind: 'overflowed' }])
})

t.test('all of it arrives in order, once, and then lines go straight to the sink again', async t => {
  const rig = await overflownLaneWith()
  rig.log('f')
  await rig.deliverAll()
  t.equal(rig.sent.join(' '), 'a b c d e f')
  t.match(rig.snapshot(), { linesDelivered: 6, linesDropped: {}, spoolLines: 0 })
  t.same(rig.spoolNews.at(-1), { kind: 'replayed', lines: 5 })
  rig.log('g')
  t.equal(rig.sent.at(-1), 'g')
  rig.child.settle()
  await rig.end()
  t.equal(textOf(rig.disk), '')
})

t.test('that a queue overflows is told at most each ten seconds', async t => {
  const rig = await overflownLaneWith()
  const told = (): number => rig.spoolNews.filter(({ kind }) => kind === 'overflowed').length
  for (const [ms, times] of [[9000, 1], [1000, 2]] as const) {
    await rig.deliverAll()
    await rig.wait(ms)
    for (const word of ['v', 'w', 'x', 'y', 'z']) rig.log(word)
    await rest()
    t.ok(rig.snapshot().spoolLines > 0)
    t.equal(told(), times)
  }
})

t.test('what was in the sink\'s hands and comes back is sent again before what is on the disk, with the id that it had', async t => {
  const rig = await overflownLaneWith({ breaker: { failureThreshold: 2, recoveryTimeoutMs: 1000 } })
  const { id } = rig.child.last
  rig.child.settle('network')
  t.match(rig.snapshot(), { unsettledLines: 0, spoolLines: 5 })
  await rig.wait(200)
  t.same([rig.child.last.id, rig.sent.at(-1)], [id, 'a'])
  await rig.deliverAll()
  t.equal(rig.sent.slice(1).join(' '), 'a b c d e')
})

t.test('each line of a batch keeps its id, also if it was sent again by itself before', async t => {
  const rig = await tightLaneWith({ breaker: { failureThreshold: 9 } })
  rig.log('a', 'b', 'c')
  rig.child.reject({ outcome: { refused: [], retry: [0, 2] } })
  await rig.wait(200)
  t.same([rig.child.last.id, rig.sent.at(-1)], ['life:0', 'a c'])
  rig.log('d', 'e')
  await rest()
  t.equal(textOf(rig.disk), 'a c d e')
  rig.child.reject({ outcome: { refused: [], retry: [1] } })
  await rig.wait(1000)
  t.same([rig.child.last.id, rig.sent.at(-1)], ['life:2', 'c'])
  await rig.deliverAll()
  t.match(rig.snapshot(), { linesDelivered: 5, spoolLines: 0 })
})

t.test('when the breaker trips then, what comes back is the first that is tried, and what is on the disk follows', async t => {
  const rig = await overflownLaneWith()
  rig.child.settle('network')
  t.match(rig.snapshot(), { state: 'open', spoolLines: 5, queueLines: 0 })
  await rig.wait(1000)
  t.equal(rig.sent.at(-1), 'a')
  await rig.deliverAll()
  t.equal(rig.sent.join(' '), 'a a b c d e')
})

for (const [when, settle] of Object.entries<(rig: SpoolingLane) => void>({
  'is in the sink\'s hands': () => {},
  'has come back': rig => rig.child.settle('network')
})) {
  t.test(`a crash costs nothing, nor the order, while what was sent past the disk ${when}`, async t => {
    const rig = await overflownLaneWith()
    settle(rig)
    rig.disk.kill()
    const next = await SpoolingLane.open({ clock: clock.take(), disk: rig.disk })
    await next.deliverAll()
    t.equal(next.sent.join(' '), 'a b c d e')
  })

  t.test(`an end leaves all on the disk, once and in order, while what was sent past the disk ${when}`, async t => {
    const rig = await overflownLaneWith()
    settle(rig)
    await rig.end(300)
    t.match(rig.snapshot(), { spoolLines: 5, linesDropped: {} })
    const next = await SpoolingLane.open({ clock: clock.take(), disk: rig.disk })
    await next.deliverAll()
    t.equal(next.sent.join(' '), 'a b c d e')
  })
}

t.test('what has arrived of it is not there for the next life', async t => {
  const rig = await overflownLaneWith()
  rig.child.settle()
  await rest()
  await rig.end(300)
  t.match(rig.snapshot(), { linesDelivered: 1, spoolLines: 4 })
  const next = await SpoolingLane.open({ clock: clock.take(), disk: rig.disk })
  await next.deliverAll()
  t.equal(next.sent.join(' '), 'b c d e')
})

t.test('lines that arrive while they are being written are settled as soon as they are there', async t => {
  const rig = await tightLaneWith()
  rig.disk.allow(0)
  for (const word of ['a', 'b', 'c', 'd', 'e']) rig.log(word)
  await rest()
  rig.child.settle()
  await rest()
  t.match(rig.snapshot(), { linesDelivered: 1, queueLines: 4, spoolLines: 0 })
  rig.disk.allow(Infinity)
  await rest()
  await rig.deliverAll()
  t.equal(rig.sent.join(' '), 'a b c d e')
  await rig.end()
  t.match(rig.snapshot(), { linesDelivered: 5, spoolLines: 0, spoolBytes: 0 })
})

t.test('an end waits for what is being written, so that each line is there once', async t => {
  const rig = await tightLaneWith()
  rig.disk.allow(0)
  for (const word of ['a', 'b', 'c', 'd', 'e']) rig.log(word)
  await rest()
  const deadline = clock.now() + 1000
  const ended = rig.lane.end(deadline)
  for (let passed = 0; passed < 850; passed += 50) await rig.wait(50)
  rig.disk.allow(Infinity)
  for (let n = 0; n < 20; n++) await rig.wait(1)
  await ended
  t.match(rig.snapshot(), { spoolLines: 5, linesDropped: {} })
  t.equal(textOf(rig.disk), 'a b c d e')
})

t.test('an end does not wait longer than it may for a disk that hangs, and counts what that has not taken', async t => {
  const rig = await tightLaneWith()
  rig.disk.allow(0)
  for (const word of ['a', 'b', 'c', 'd', 'e']) rig.log(word)
  await rest()
  await rig.end()
  t.match(rig.snapshot(), { spoolLines: 0, linesDropped: { closed: 5 } })
  t.same(rig.undelivered, [5])
})

t.test('an end is over in time though a disk hangs that has been given as much as it takes', async t => {
  const rig = await SpoolingLane.tripped({ clock })
  rig.disk.allow(0)
  for (let n = 0; n < 12; n++) rig.log(`${n}`.padEnd(1e6, 'x'))
  await rest()
  await rig.end()
  t.match(rig.snapshot(), { queueLines: 0, spoolLines: 1, linesDropped: { closed: 12 } })
})

t.test('a disk that refuses leaves all in memory, in order, and takes it once it is well', async t => {
  const rig = await tightLaneWith({ breaker: { failureThreshold: 9 } })
  rig.disk.capacityBytes = 0
  for (const word of ['a', 'b', 'c', 'd', 'e']) rig.log(word)
  await rest()
  t.match(rig.snapshot(), { unsettledLines: 1, queueLines: 4, spoolLines: 0, linesDropped: {} })
  rig.log('f')
  t.match(rig.snapshot(), { queueLines: 2, linesDropped: { 'queue-full': 3 } })
  rig.disk.capacityBytes = Infinity
  await rig.wait(1300)
  rig.log('g')
  await rest()
  t.match(rig.snapshot(), { linesDropped: { 'queue-full': 3 }, unsettledLines: 1, spoolLines: 3 })
  t.equal(textOf(rig.disk), 'a e f g')
  rig.child.settle('network')
  await rig.wait(1000)
  await rig.deliverAll()
  t.equal(rig.sent.slice(1).join(' '), 'a e f g')
})

t.test('while a disk refuses, what the sink gives back is sent before what is in the queue', async t => {
  const rig = await tightLaneWith({ breaker: { failureThreshold: 9 } })
  rig.disk.capacityBytes = 0
  for (const word of ['a', 'b', 'c', 'd']) rig.log(word)
  await rest()
  rig.child.settle('network')
  await rig.wait(200)
  await rig.deliverAll()
  t.equal(rig.sent.join(' ').slice(0, 3), 'a a')
  t.equal(rig.snapshot().linesDelivered + (rig.snapshot().linesDropped['queue-full'] ?? 0), 4)
})

t.test('a line that is longer than the whole spool keeps no other from the disk', async t => {
  const rig = await tightLaneWith({ spoolSizes: { maxBytes: 100 }, breaker: { failureThreshold: 9 } })
  for (const word of ['a'.repeat(200), 'b', 'c', 'd']) rig.log(word)
  await rest()
  t.match(rig.snapshot(), { unsettledLines: 1, spoolLines: 3, linesDropped: {} })
  rig.child.settle('network')
  await rig.wait(200)
  t.match(rig.sent.at(-1), /^a+$/)
  await rig.deliverAll()
  t.match(rig.snapshot(), { linesDelivered: 4, linesDropped: {} })
})

t.test('the memory of lines that other sinks may have too is not used again', async t => {
  const rig = await tightLaneWith()
  const first = batchOf(JSON.stringify('a'.repeat(300_000)))
  const text = first.bytes.toString()
  rig.lane.offer(first)
  for (const round of ['b', 'c']) {
    for (let n = 0; n < 4; n++) rig.log(round.repeat(70_000))
    await rest()
    await rig.deliverAll()
  }
  t.match(rig.snapshot(), { linesDelivered: 9, linesDropped: {} })
  t.equal(first.bytes.toString(), text)
})

t.test('a full queue first holds the app back, and goes to the disk only if that does not help', async t => {
  const rig = await tightLaneWith({ queue: { blockTimeoutMs: 2000 } })
  for (const word of ['a', 'b', 'c', 'd']) rig.log(word)
  await rest()
  t.equal(rig.lane.isPressing, true)
  t.equal(textOf(rig.disk), '')
  await rig.wait(2000)
  t.equal(rig.lane.isPressing, false)
  t.match(rig.snapshot(), { spoolLines: 3, unsettledLines: 1, linesDropped: {} })
})

t.test('what waits for a place when the breaker trips goes to the disk with the rest', async t => {
  const rig = await tightLaneWith({ queue: { blockTimeoutMs: 300 } })
  for (const word of ['a', 'b']) rig.log(word)
  rig.log('c', 'd')
  rig.log('e', 'f', 'g', 'h')
  await rig.wait(100)
  t.equal(rig.lane.isPressing, true)
  clock.advance(200)
  rig.child.settle('network')
  await rest()
  t.match(rig.snapshot(), { state: 'open', linesDropped: {}, spoolLines: 8 })
  t.equal(textOf(rig.disk), 'a b c d e f g h')
})

t.test('in mode always a full queue is nothing new', async t => {
  const rig = await overflownLaneWith({ spool: { mode: 'always' } })
  await rig.deliverAll()
  t.match(rig.snapshot(), { linesDelivered: 5 })
  t.same(rig.spoolNews, [])
})

/** A lane with a stream sink that accepts all that it is given, and a disk that has so many lines. */
async function acceptingLaneWith (lines: number, sense: false | { console: boolean }): Promise<SpoolingLane> {
  const disk = new MemoryDisk()
  for (let n = 1; n <= lines; n++) disk.put(`${FOLDER}/${String(n).padStart(10, '0')}.ndjson`, `"${n}"\n`)
  const rig = new SpoolingLane({ clock, disk, queue: { maxLines: 5 }, sense })
  rig.lane.start()
  rig.child.ready('stream')
  for (let n = 0; n < 2 * lines; n++) {
    await rest()
    rig.child.accept()
  }
  return rig
}

t.test('a sink that will prove what it has accepted is given no more of a spool than a queue may have, until it does', async t => {
  const rig = await acceptingLaneWith(20, { console: false })
  t.match(rig.snapshot(), { unsettledLines: 6, spoolLines: 14, linesDelivered: 0 })
  while (rig.snapshot().unsettledLines > 0) {
    rig.child.deliver()
    await rest()
    rig.child.accept()
    const { length } = rig.child.sent
    await rest()
    if (rig.snapshot().unsettledLines > 5) t.equal(rig.child.sent.length, length)
  }
  t.match(rig.snapshot(), { linesDelivered: 20, spoolLines: 0 })
})

t.test('of a sink that proves nothing the oldest count as delivered beyond that', async t => {
  const rig = await acceptingLaneWith(20, false)
  t.match(rig.snapshot(), { unsettledLines: 5, spoolLines: 0, linesDelivered: 15 })
})

t.test('a sink that hangs is known for it, however well the disk gets on', async t => {
  const rig = await tightLaneWith({ writeTimeoutMs: 2000 })
  for (let n = 0; n < 30; n++) {
    rig.log(`${n}`)
    await rig.wait(100)
  }
  t.match(rig.snapshot(), { state: 'open', failures: { 'write-timeout': 1 }, linesDropped: {}, spoolLines: 30 })
})

t.test('a sink that hangs while it is given what is on the disk is known for it too', async t => {
  const rig = await SpoolingLane.tripped({ clock, writeTimeoutMs: 2000 })
  await rig.wait(1000)
  rig.log('x')
  await rest()
  rig.child.settle()
  await rest()
  t.match(rig.snapshot(), { state: 'closed', unsettledLines: 1 })
  for (let n = 0; n < 30; n++) {
    rig.log(`${n}`)
    await rig.wait(100)
  }
  t.match(rig.snapshot(), { failures: { 'write-timeout': 1 } })
})

t.test('a disk that is slow holds the app back, from the first line that a full queue has no room for, each time anew', async t => {
  const rig = await SpoolingLane.open({ clock, queue: { maxLines: 8, blockTimeoutMs: 2000 } })
  for (const round of ['first', 'second']) {
    rig.log(...Array.from({ length: 6 }, (_, n) => `${round}-${n}`))
    rig.disk.allow(0)
    // Two find a place in the queue, until it is known that the sink hangs; four may wait for the disk, and then eight for that.
    for (let n = 0; n < 2; n++) rig.log(`${round}-large-${n}`.padEnd(1e6, 'x'))
    rig.log('late')
    await rig.wait(160)
    for (let n = 2; n < 14; n++) rig.log(`${round}-large-${n}`.padEnd(1e6, 'x'))
    t.equal(rig.lane.isPressing, true)
    await rig.wait(300)
    t.equal(rig.lane.isPressing, true, 'longer than it would wait for the sink')
    t.equal(rig.snapshot().queueLines, 15)
    rig.disk.allow(Infinity)
    for (let n = 0; n < 10; n++) await rig.wait(20)
    t.equal(rig.lane.isPressing, false)
    await rig.deliverAll()
    await rig.wait(10_000)
  }
})

t.test('what was sent while another process had the spool goes to the disk before what comes later', async t => {
  const owners = new OwnerList()
  const other = { bootId: 'boot', pid: 7, thread: 7, startTime: 7 }
  owners.alive.push(other)
  const disk = new MemoryDisk()
  disk.put(`${FOLDER}/lock.boot.7.7.7`, '')
  disk.put(`${FOLDER}/0000000001.ndjson`, '"x"\n')
  const rig = await SpoolingLane.open({ clock, disk, owners, breaker: { failureThreshold: 9 } })
  rig.log('a')
  await rest()
  t.same(rig.sent, ['a'])
  owners.alive.splice(owners.alive.indexOf(other), 1)
  await rig.wait(1300)
  t.match(rig.spoolNews.at(-1), { kind: 'recovered' })
  rig.log('b')
  await rest()
  t.equal(textOf(disk), 'x a b')
  rig.child.settle('network')
  await rig.wait(300)
  await rig.deliverAll()
  t.match(rig.sent.slice(1).join(' '), /a.*b/)
  t.match(rig.snapshot(), { linesDelivered: 3, spoolLines: 0 })
})

t.test('what the sink has in its hands takes no room from a queue that is just the way to the disk', async t => {
  const rig = await tightLaneWith({ queue: { maxLines: 8 } })
  rig.log(...Array.from({ length: 8 }, (_, n) => `${n}`))
  rig.disk.allow(0)
  // Four of them may wait for the disk, with what the sink has.
  for (let n = 0; n < 12; n++) rig.log(`large-${n}`.padEnd(1e6, 'x'))
  t.match(rig.snapshot(), { queueLines: 12, unsettledLines: 8, linesDropped: {} })
  rig.disk.allow(Infinity)
  for (let n = 0; n < 10; n++) await rig.wait(20)
  await rig.deliverAll()
  t.match(rig.snapshot(), { linesDelivered: 20, linesDropped: {} })
})

t.test('with at-most-once what was handed over never goes to the disk', async t => {
  const rig = await overflownLaneWith({ redelivery: 'at-most-once' })
  t.equal(textOf(rig.disk), 'b c d e')
  rig.child.settle('network')
  t.match(rig.snapshot(), { linesDropped: { 'at-most-once': 1 }, spoolLines: 4 })
})

t.test('with at-most-once what is in the sink\'s hands at the end is not left for the next start, wherever it came from', async t => {
  const rig = await SpoolingLane.tripped({ clock, redelivery: 'at-most-once' })
  for (const word of ['a', 'b']) rig.log(word.padEnd(50_000, word))
  await rig.wait(1000)
  t.match(rig.snapshot(), { linesDropped: { 'at-most-once': 1 }, unsettledLines: 1, spoolLines: 1 })
  await rig.end(300)
  t.match(rig.snapshot(), { linesDropped: { 'at-most-once': 1, closed: 1 }, spoolLines: 1 })
  const next = await SpoolingLane.open({ clock: clock.take(), disk: rig.disk })
  await next.deliverAll()
  t.match(next.sent.join(' '), /^b+$/)
})

t.test('a flush of lines that came while a spool was being opened waits for the sink, if the spool then has nothing to do with them', async t => {
  const rig = new SpoolingLane({ clock })
  rig.lane.start()
  rig.disk.allow(0)
  rig.log('a')
  let isFlushed = false
  rig.lane.flush(clock.now() + 5000).then(() => { isFlushed = true })
  rig.disk.allow(Infinity)
  await rest()
  t.equal(isFlushed, false, 'it is nowhere but in memory')
  rig.child.ready('delivery')
  await rest()
  t.equal(isFlushed, false, 'the sink has it, and has not answered')
  rig.child.settle()
  for (const flush of rig.child.flushes) flush()
  await rig.wait(20)
  for (const flush of rig.child.flushes) flush()
  await rig.wait(20)
  t.equal(isFlushed, true)
})

t.test('a flush waits for what the sink has in its hands to arrive, or to be on the disk', async t => {
  const rig = await tightLaneWith()
  rig.disk.allow(0)
  for (const word of ['a', 'b', 'c', 'd', 'e']) rig.log(word)
  let isFlushed = false
  rig.lane.flush(clock.now() + 5000).then(() => { isFlushed = true })
  await rig.wait(100)
  t.equal(isFlushed, false)
  rig.disk.allow(Infinity)
  await rig.wait(100)
  t.equal(isFlushed, true)
  rig.disk.cutPower('nothing', () => 0)
  t.equal(textOf(rig.disk), 'a b c d e')
})

for (const [what, spoil] of Object.entries<(rig: SpoolingLane) => void>({
  'is full': rig => { rig.disk.capacityBytes = 0 },
  hangs: rig => rig.disk.allow(0),
  'is slow': rig => rig.disk.allow(3)
})) {
  t.test(`what waits for a disk that ${what} is within the bound of the queue, with what waits in the queue`, async t => {
    const maxBytes = 2000
    const rig = await SpoolingLane.tripped({ clock, queue: { maxBytes }, breaker: { failureThreshold: 1, recoveryTimeoutMs: 1e6 } })
    spoil(rig)
    for (let n = 0; n < 200; n++) {
      rig.log('x'.repeat(97))
      // Meanwhile the app is held back, and logs nothing.
      while (rig.lane.isPressing) await rig.wait(100)
      const { queueBytes, queueLines, spoolPendingBytes, spoolPendingLines } = rig.snapshot()
      t.ok(queueBytes <= maxBytes && spoolPendingBytes <= queueBytes && spoolPendingLines <= queueLines, `${queueBytes} bytes, of which ${spoolPendingBytes} are being written`)
      if (n % 10 === 0) await rig.wait(100)
    }
    const { queueBytes, spoolPendingBytes } = rig.snapshot()
    t.ok(queueBytes > maxBytes / 2, 'it is used')
    if (what !== 'is full') t.ok(spoolPendingBytes > 0)
    rig.disk.heal()
    rig.disk.allow(Infinity)
    await rig.wait(1500)
    rig.log('last')
    await rest()
    t.match(rig.snapshot(), { queueLines: 0, spoolPendingLines: 0, spoolPendingBytes: 0 })
  })
}
