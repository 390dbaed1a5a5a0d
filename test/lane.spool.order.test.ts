import t from 'tap'
import assert from 'node:assert/strict'
import { HandClock } from './support/hand-clock.js'
import { MemoryDisk } from './support/memory-disk.js'
import { FOLDER, OwnerList, rest } from './support/spool-rig.js'
import { pathOf } from './support/spool-scene.js'
import { SpoolingLane, type SpoolingLaneOptions } from './support/spooling-lane.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => clock.release())

const SEGMENT = pathOf(1)

async function laneWith (options: Partial<SpoolingLaneOptions> = {}): Promise<SpoolingLane> {
  return await SpoolingLane.open({ clock, ...options })
}

async function trippedLaneWith (options: Partial<SpoolingLaneOptions> = {}): Promise<SpoolingLane> {
  return await SpoolingLane.tripped({ clock, ...options })
}

/** A disk that has a spool, and lets nothing through yet. */
function stillDiskWith (...words: string[]): MemoryDisk {
  const disk = new MemoryDisk()
  disk.put(SEGMENT, words.map(word => `"${word}"\n`).join(''))
  disk.allow(0)
  return disk
}

/** A word of so many bytes, and its name. */
function padded (name: string, bytes: number): string {
  return `${name}-`.padEnd(bytes, 'x')
}

function namesOf (batches: readonly string[]): string[] {
  return batches.map(batch => batch.split(' ').map(word => word.split('-')[0]).join(' '))
}

t.test('what comes while the spool is being opened is sent behind what is found in it', async t => {
  const rig = await laneWith({ disk: stillDiskWith('old') })
  rig.log('new')
  await rest()
  t.same(rig.sent, [])
  rig.disk.allow(Infinity)
  await rest()
  await rig.deliverAll()
  t.same(rig.sent, ['old', 'new'])
})

t.test('what comes while a spool is being opened that has nothing goes straight to the sink', async t => {
  const disk = new MemoryDisk()
  disk.allow(0)
  const rig = await laneWith({ disk })
  rig.log('a')
  for (let calls = 0; rig.sent.length === 0; calls++) {
    t.ok(calls < 100)
    disk.allow(1)
    await rest()
    t.equal(rig.snapshot().spoolLines, 0)
  }
  rig.child.settle()
  await rest()
  t.same([rig.sent, rig.spoolNews], [['a'], []])
  t.same(disk.paths.filter(path => path.endsWith('.ndjson')), [])
})

t.test('what comes while the spool is still counted goes to the disk, however much it is, and is sent behind what is found', async t => {
  const disk = stillDiskWith('old')
  for (let n = 2; n <= 50; n++) disk.put(pathOf(n), `"old ${n}"\n`)
  const rig = await laneWith({ disk, queue: { maxLines: 2 } })
  const words = Array.from({ length: 12 }, (_, n) => `${n}`)
  for (const word of words) {
    rig.log(word)
    for (let calls = 0; rig.snapshot().queueLines > 0; calls++) {
      t.ok(calls < 100)
      disk.allow(1)
      await rest()
    }
  }
  t.same([rig.spoolNews, rig.sent], [[], ['old']], 'of what is found, the oldest is sent meanwhile')
  let isSynced = false
  rig.lane.flush(clock.now() + 1000).then(() => { isSynced = true })
  disk.allow(Infinity)
  await rest()
  t.equal(isSynced, true)
  await rig.deliverAll()
  t.equal(rig.sent.join(' '), ['old', ...Array.from({ length: 49 }, (_, n) => `old ${n + 2}`), ...words].join(' '))
  t.match(rig.snapshot(), { linesReceived: 62, linesDelivered: 62, spoolLines: 0 })
  t.same(rig.snapshot().linesDropped, {})
})

t.test('a life that ends while the spool is still counted leaves all that it was given on the disk', async t => {
  const disk = stillDiskWith('old')
  for (let n = 2; n <= 20; n++) disk.put(pathOf(n), `"old ${n}"\n`)
  const rig = await laneWith({ disk })
  rig.log('a')
  for (let calls = 0; rig.snapshot().spoolLines === 0; calls++) {
    t.ok(calls < 100)
    disk.allow(1)
    await rest()
  }
  disk.allow(0)
  rig.log('b')
  await rest()
  t.same(rig.spoolNews, [])
  disk.allow(Infinity)
  await rig.end()
  t.same(rig.undelivered, [])
  const next = await laneWith({ disk })
  await next.deliverAll()
  t.equal(next.sent.join(' '), ['old', ...Array.from({ length: 19 }, (_, n) => `old ${n + 2}`), 'a', 'b'].join(' '))
})

t.test('while the spool is being opened a full queue holds the app back, and drops nothing', async t => {
  const rig = await laneWith({ disk: stillDiskWith('old'), queue: { maxLines: 2 } })
  for (const word of ['a', 'b', 'c']) rig.log(word)
  t.equal(rig.lane.isPressing, true)
  await rig.wait(200)
  rig.disk.allow(Infinity)
  for (let n = 0; n < 10; n++) {
    await rig.wait(20)
    if (rig.child.isAsked) rig.child.settle()
  }
  t.equal(rig.snapshot().linesDelivered, 4)
  t.equal(rig.lane.isPressing, false)
})

t.test('a spool that cannot be opened keeps no line from a sink that is well', async t => {
  const owners = new OwnerList()
  owners.alive.push({ bootId: 'boot', pid: 7, thread: 7, startTime: 7 })
  const disk = new MemoryDisk()
  disk.put(`${FOLDER}/lock.boot.7.7.7`, '')
  const rig = new SpoolingLane({ clock, disk, owners })
  rig.start()
  rig.log('a')
  t.same(rig.sent, [])
  await rest()
  t.same(rig.sent, ['a'])
})

t.test('a disk that refuses keeps no line from a sink that is well, with mode always', async t => {
  const rig = await laneWith({ spool: { mode: 'always' } })
  rig.disk.capacityBytes = 0
  rig.log('a')
  await rest()
  t.same(rig.sent, ['a'])
})

t.test('a disk that has room again is used again, though nothing is on it, and the outage goes on', async t => {
  const disk = new MemoryDisk()
  disk.capacityBytes = 0
  const rig = await trippedLaneWith({ disk, breaker: { failureThreshold: 1, recoveryTimeoutMs: 60000 } })
  t.equal(disk.contentOf(SEGMENT).toString(), '')
  disk.capacityBytes = Infinity
  await rig.wait(1000)
  t.match(rig.snapshot(), { queueLines: 0, spoolLines: 1 })
  rig.log('second')
  await rest()
  t.equal(disk.contentOf(SEGMENT).toString(), '"first"\n"second"\n')
})

t.test('a disk that refuses does not hold the app back: the policy of the queue decides at once', async t => {
  const rig = await trippedLaneWith({ queue: { maxLines: 2 } })
  rig.disk.capacityBytes = 0
  for (const word of ['a', 'b']) rig.log(word)
  await rest()
  t.match(rig.snapshot(), { queueLines: 2, spoolLines: 1 })
  rig.log('c')
  t.equal(rig.lane.isPressing, false)
  t.match(rig.snapshot(), { linesDropped: { 'queue-full': 1 } })
})

t.test('a disk that is slow holds the app back as long as it takes anything, and nothing is dropped', async t => {
  const rig = await trippedLaneWith({ queue: { maxLines: 3 }, breaker: { failureThreshold: 1, recoveryTimeoutMs: 60000 } })
  rig.disk.allow(0)
  // Four may wait for the disk, three for that, and one for a place in the queue.
  for (let n = 0; n < 8; n++) rig.log(padded(`${n}`, 1e6))
  for (let written = 0; written < 6; written++) {
    t.equal(rig.lane.isPressing, true)
    const before = rig.snapshot().spoolLines
    for (let calls = 0; rig.snapshot().spoolLines === before; calls++) {
      assert.ok(calls < 20, 'it is written')
      rig.disk.allow(1)
      await rest()
    }
    rig.disk.allow(0)
    rig.log(padded('next', 1e6))
    // Longer than a silence that is borne, if it were twice.
    await rig.wait(400)
    t.same(rig.snapshot().linesDropped, {})
  }
  rig.disk.allow(Infinity)
  for (let n = 0; n < 10; n++) await rest()
  await rig.wait(20)
  t.match(rig.snapshot(), { spoolLines: 15, queueLines: 0 })
})

t.test('a full disk is told of at most each ten seconds', async t => {
  const rig = await trippedLaneWith({ breaker: { failureThreshold: 1, recoveryTimeoutMs: 1e6 } })
  rig.disk.capacityBytes = 0
  const failures = (): number => rig.spoolNews.filter(news => news.kind === 'failed' && news.fault.during === 'write').length
  rig.log('second')
  await rest()
  for (let n = 0; n < 9; n++) await rig.wait(1000)
  t.equal(failures(), 1)
  await rig.wait(1500)
  t.equal(failures(), 2)
})

t.test('with mode always, that lines were on the disk is no news', async t => {
  const rig = await laneWith({ spool: { mode: 'always' } })
  rig.log('a')
  await rest()
  await rig.deliverAll()
  t.match(rig.snapshot(), { linesDelivered: 1, spoolLines: 0 })
  t.same(rig.spoolNews, [])
})

t.test('a cursor that is damaged is told of, though no line was found', async t => {
  const disk = new MemoryDisk()
  disk.put(`${FOLDER}/cursor.json`, '{"segment":')
  const rig = await laneWith({ disk })
  t.match(rig.spoolNews, [{ kind: 'recovered', recovered: { lines: 0 } }])
})

t.test('segments that cannot be read are told of, with the first reason, though no line was found', async t => {
  const disk = new MemoryDisk()
  for (const segment of [1, 2]) {
    disk.put(pathOf(segment), '"lost"\n')
    disk.fail('read', { code: 'EIO' })
  }
  const rig = await laneWith({ disk })
  t.match(rig.spoolNews, [
    { kind: 'failed', fault: { during: 'read', error: { code: 'EIO' } } },
    { kind: 'recovered', recovered: { lines: 0, unreadableSegments: 2 } }
  ])
})

t.test('who waits for a spool to be empty is told when all that was left in it is damaged', async t => {
  const disk = stillDiskWith()
  disk.put(SEGMENT, '{"dam\n')
  const rig = await laneWith({ disk })
  for (let calls = 0; rig.spoolNews.length === 0; calls++) {
    t.ok(calls < 50)
    disk.allow(1)
    await rest()
  }
  disk.allow(0)
  t.equal(rig.snapshot().spoolLines, 1)
  let isDrained = false
  rig.lane.drain(clock.now() + 1000).then(() => { isDrained = true })
  await rest()
  t.equal(isDrained, false)
  disk.allow(Infinity)
  await rest()
  t.equal(isDrained, true)
})

/** A lane whose sink fails with what was found on the disk, so that what follows is a probe, which has room for one line. */
async function laneWithLargeLines (disk: MemoryDisk): Promise<SpoolingLane> {
  disk.put(SEGMENT, ['a', 'b', 'c', 'd'].map(word => `"${padded(word, 40_000)}"\n`).join(''))
  const rig = await laneWith({ disk })
  rig.child.settle('network')
  await rig.wait(1000)
  t.same(namesOf(rig.sent).at(-1), 'a')
  rig.child.settle()
  await rest()
  t.equal(rig.child.last.id, '800000000000:1:40003', 'the place of its first line')
  return rig
}

t.test('of lines that were read together those that have arrived do not come again after a crash, and those that have not do', async t => {
  const disk = new MemoryDisk()
  const rig = await laneWithLargeLines(disk)
  await rig.wait(1000)
  disk.kill()
  const next = await laneWith({ disk })
  await next.deliverAll()
  t.equal(namesOf(next.sent).join(' '), 'b c d')
})

t.test('lines that were read together and arrive one after another are counted and settled once', async t => {
  const disk = new MemoryDisk()
  const rig = await laneWithLargeLines(disk)
  await rig.deliverAll()
  t.match(rig.spoolNews.at(-1), { kind: 'replayed', lines: 4 })
  await rig.end()
  t.match(rig.snapshot(), { spoolLines: 0, spoolBytes: 0 })
})

t.test('of lines that came back in part those that did not arrive are left at the end, and none of them is passed by the cursor', async t => {
  const disk = new MemoryDisk()
  disk.put(SEGMENT, '"a"\n"b"\n"c"\n"d"\n"e"\n')
  const rig = await laneWith({ disk })
  t.same(rig.sent, ['a b c d e'])
  rig.child.reject({ outcome: { refused: [], retry: [1, 3] } })
  await rig.end(300)
  t.match(rig.snapshot(), { linesDelivered: 3, spoolLines: 2 })
  const next = await laneWith({ disk })
  await next.deliverAll()
  t.equal(next.sent.join(' '), 'b c d e', 'a cursor cannot tell what has arrived behind it')
})

t.test('what was read of a spool that had to make room is lost at the end, and counted; what is still there is not', async t => {
  const rig = await trippedLaneWith({ spoolSizes: { maxBytes: 200_000, segmentBytes: 80_000 } })
  await rig.wait(1000)
  t.equal(rig.sent.at(-1), 'first')
  for (const word of ['a', 'b', 'c', 'd', 'e']) {
    rig.log(padded(word, 70_000))
    await rest()
  }
  await rig.end()
  t.match(rig.snapshot(), { linesDropped: { closed: 4 }, spoolLines: 2 })
  t.same(rig.undelivered, [4])
})

t.test('what the sink had in its hands at the end is on the disk, though it came past the disk', async t => {
  const disk = new MemoryDisk()
  const rig = await laneWith({ disk })
  rig.log('a', 'b')
  await rig.end()
  t.equal(rig.snapshot().spoolLines, 2)
  const next = await laneWith({ disk })
  await rest()
  t.same(next.sent, ['a b'])
})

t.test('at the end more is written than may wait for the disk at once', async t => {
  const disk = new MemoryDisk()
  const rig = await trippedLaneWith({ disk })
  disk.allow(0)
  for (let n = 0; n < 12; n++) rig.log(padded(`${n}`, 1e6))
  const deadline = clock.now() + 2000
  const ended = rig.lane.end(deadline)
  await rest()
  disk.allow(Infinity)
  for (let n = 0; n < 40; n++) await rest()
  t.equal(rig.snapshot().spoolLines, 13)
  clock.advance(2000)
  await ended
})

t.test('a disk that is still writing at the deadline gets no more, and the rest is counted', async t => {
  const disk = new MemoryDisk()
  const rig = await trippedLaneWith({ disk })
  disk.allow(0)
  for (let n = 0; n < 12; n++) rig.log(padded(`${n}`, 1e6))
  const deadline = clock.now() + 2000
  const ended = rig.lane.end(deadline)
  await rest()
  clock.advance(2001)
  disk.allow(Infinity)
  for (let n = 0; n < 40; n++) await rest()
  await ended
  const { linesDropped: { closed = 0 }, spoolLines } = rig.snapshot()
  t.ok(closed > 0, `${closed} lines were not written, and ${spoolLines} were`)
})

t.test('of a short time to end a part is kept for the disk, and the rest is the sink\'s', async t => {
  const rig = await laneWith()
  rig.log('a')
  const deadline = clock.now() + 400
  const ended = rig.lane.drain(deadline).then(() => rig.lane.end(deadline))
  for (let n = 0; n < 4; n++) await rig.wait(50)
  rig.child.settle()
  for (let n = 0; n < 6; n++) await rig.wait(50)
  await ended
  t.match(rig.snapshot(), { linesDelivered: 1, spoolLines: 0 })
})

t.test('a flush waits for what the disk has not taken yet', async t => {
  const disk = new MemoryDisk()
  const rig = await trippedLaneWith({ disk })
  disk.allow(0)
  for (let n = 0; n < 6; n++) rig.log(padded(`${n}`, 1e6))
  const flushed = rig.lane.flush(clock.now() + 5000)
  disk.allow(Infinity)
  await flushed
  disk.cutPower('nothing', () => 0)
  t.equal(disk.paths.filter(path => path.endsWith('.ndjson')).map(path => disk.contentOf(path).toString()).join('').split('\n').length - 1, 7)
})

t.test('a flush waits for a spool that is being opened', async t => {
  const rig = await laneWith({ disk: stillDiskWith() })
  rig.log('a')
  let isFlushed = false
  rig.lane.flush(clock.now() + 5000).then(() => { isFlushed = true })
  await rest()
  t.equal(isFlushed, false)
  rig.disk.allow(Infinity)
  await rest()
  rig.child.settle()
  await rest()
  for (const flush of rig.child.flushes) flush()
  await rig.wait(20)
  t.equal(isFlushed, true)
})

t.test('a flush does not wait for the sink, with mode always: the disk is enough', async t => {
  const rig = await laneWith({ spool: { mode: 'always' } })
  rig.log('a')
  await rest()
  let isFlushed = false
  rig.lane.flush(clock.now() + 5000).then(() => { isFlushed = true })
  await rest()
  t.match(rig.snapshot(), { unsettledLines: 1 })
  t.equal(isFlushed, true)
})

t.test('of lines that were read one after another, those that are still on the disk are not lost at the end', async t => {
  // Small lines, which the lane keeps together, though they are of several segments.
  const rig = await trippedLaneWith({ spoolSizes: { maxBytes: 100, segmentBytes: 50 } })
  await rig.wait(1000)
  for (const word of ['a', 'b', 'c', 'd', 'e']) {
    rig.log(padded(word, 30))
    await rest()
  }
  await rig.end()
  t.match(rig.snapshot(), { linesDropped: { closed: 3 }, spoolLines: 3 })
})

t.test('a burst holds the app back while the sink is well, as without a spool', async t => {
  const rig = await laneWith({ queue: { maxLines: 2 } })
  for (const word of ['a', 'b', 'c', 'd']) rig.log(word)
  t.equal(rig.lane.isPressing, true)
  t.same(rig.snapshot().linesDropped, {})
})
