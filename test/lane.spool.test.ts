import t from 'tap'
import { HandClock } from './support/hand-clock.js'
import { MemoryDisk } from './support/memory-disk.js'
import { FOLDER, OwnerList, rest } from './support/spool-rig.js'
import { SpoolingLane, type SpoolingLaneOptions } from './support/spooling-lane.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => clock.release())

async function laneWith (options: Partial<SpoolingLaneOptions> = {}): Promise<SpoolingLane> {
  return await SpoolingLane.open({ clock, ...options })
}

async function trippedLaneWith (options: Partial<SpoolingLaneOptions> = {}): Promise<SpoolingLane> {
  return await SpoolingLane.tripped({ clock, ...options })
}

t.test('while the breaker is closed lines go straight to the sink, and nothing to the disk', async t => {
  const rig = await laneWith()
  rig.log('a', 'b')
  rig.child.settle()
  await rest()
  t.match(rig.snapshot(), { linesDelivered: 2, spoolLines: 0, spoolBytes: 0 })
  t.same(rig.spoolNews, [])
})

t.test('what was there when it opened, and what comes then, is on the disk', async t => {
  const disk = new MemoryDisk()
  const rig = await trippedLaneWith({ disk })
  rig.log('second', 'third')
  await rest()
  t.match(rig.snapshot(), { state: 'open', spoolLines: 3, queueLines: 0 })
  t.equal(disk.contentOf(`${FOLDER}/0000000001.ndjson`).toString(), '"first"\n"second"\n"third"\n')
})

t.test('a batch that the queue has no room for goes to the disk as well as any', async t => {
  const rig = await trippedLaneWith({ queue: { maxBytes: 20 } })
  rig.log('a'.repeat(30), 'b'.repeat(30))
  await rest()
  t.match(rig.snapshot(), { linesReceived: 3, spoolLines: 3, queueLines: 0 })
})

t.test('once it has recovered lines are replayed in order, with those behind them that came meanwhile', async t => {
  const rig = await trippedLaneWith()
  rig.log('second')
  await rest()
  await rig.wait(1000)
  t.equal(rig.sent.at(-1), 'first')
  rig.log('third')
  await rig.deliverAll()
  rig.log('fourth')
  await rig.deliverAll()
  t.same(rig.sent, ['first', 'first', 'second', 'third', 'fourth'])
  t.match(rig.snapshot(), { state: 'closed', linesReceived: 4, linesDelivered: 4, spoolLines: 0 })
  t.same(rig.spoolNews, [{ kind: 'replayed', lines: 2 }], 'the first is still in memory')
})

t.test('a batch from the disk is known by its place there, except lines that were sent before: a backend knows these', async t => {
  const rig = await trippedLaneWith()
  rig.log('second')
  await rest()
  await rig.wait(1000)
  t.equal(rig.child.last.id, 'life:0')
  rig.log('third')
  await rest()
  rig.child.settle()
  await rest()
  t.equal(rig.child.last.id, '800000000000:1:8')
})

t.test('the next life begins with what was left, and new lines come behind it', async t => {
  const disk = new MemoryDisk()
  const rig = await trippedLaneWith({ disk })
  rig.log('second')
  await rig.end()
  t.match(rig.snapshot(), { queueLines: 0, unsettledLines: 0, spoolLines: 2 })
  t.same(rig.undelivered, [])

  const next = await laneWith({ disk })
  next.log('third')
  await rest()
  await next.deliverAll()
  t.same(next.sent, ['first second', 'third'])
  t.match(next.snapshot(), { linesReceived: 3, linesDelivered: 3, spoolLines: 0 })
  t.match(next.spoolNews, [{ kind: 'recovered', recovered: { lines: 2 } }, { kind: 'replayed', lines: 2 }])
})

t.test('what has been delivered is not there in the next life', async t => {
  const disk = new MemoryDisk()
  const rig = await trippedLaneWith({ disk })
  for (const line of ['b', 'c', 'd']) rig.log(line)
  await rig.wait(1000)
  rig.child.settle()
  await rest()
  await rig.end()

  const next = await laneWith({ disk })
  await rest()
  t.same(next.sent, ['b c d'])
})

t.test('with mode always every line is on the disk before it is sent, and a new life sends what was not delivered', async t => {
  const disk = new MemoryDisk()
  const rig = await laneWith({ disk, spool: { mode: 'always' } })
  rig.log('a')
  await rest()
  t.equal(disk.contentOf(`${FOLDER}/0000000001.ndjson`).toString(), '"a"\n')
  t.same(rig.sent, ['a'])
  rig.child.settle()
  rig.log('b')
  await rest()
  // A process that is killed says no goodbye.
  disk.kill()

  const next = await laneWith({ disk, spool: { mode: 'always' } })
  await rest()
  await next.deliverAll()
  t.same(next.sent, ['a b'])
})

t.test('a full disk leaves lines in memory, says so, and order and sum hold until it has room again', async t => {
  const disk = new MemoryDisk()
  const rig = await trippedLaneWith({ disk })
  disk.capacityBytes = 10
  rig.log('second')
  rig.log('third')
  await rest()
  t.match(rig.snapshot(), { queueLines: 2, spoolLines: 1 })
  t.same(rig.snapshot().linesDropped, {})
  t.match(rig.spoolNews, [{ kind: 'failed', fault: { during: 'write', error: { code: 'ENOSPC' } } }])

  await rig.wait(1000)
  await rig.deliverAll()
  t.same(rig.sent, ['first', 'first', 'second', 'third'])
  t.match(rig.snapshot(), { state: 'closed', linesDelivered: 3, queueLines: 0, spoolLines: 0 })
})

t.test('a disk that fails as the transport ends costs the lines that it did not take, and they are counted', async t => {
  const disk = new MemoryDisk()
  const rig = await trippedLaneWith({ disk })
  disk.capacityBytes = 0
  rig.log('second')
  await rig.end()
  t.match(rig.snapshot(), { linesDropped: { closed: 1 }, spoolLines: 1 })
  t.same(rig.undelivered, [1])
})

t.test('a spool that another process has is told of, lines are held, and it is taken over when that one is gone', async t => {
  const disk = new MemoryDisk()
  const other = { bootId: 'boot', pid: 7, thread: 7, startTime: 7 }
  const owners = new OwnerList()
  owners.alive.push(other)
  disk.put(`${FOLDER}/lock.boot.7.7.7`, '')
  disk.put(`${FOLDER}/0000000001.ndjson`, '{"of":"the other"}\n')
  const rig = await trippedLaneWith({ disk, owners })
  rig.log('second')
  await rest()
  t.match(rig.spoolNews, [{ kind: 'hindered', hindrance: { kind: 'locked', pid: 7 } }])
  t.match(rig.snapshot(), { queueLines: 2, spoolLines: 0 })

  owners.alive.length = 0
  await rig.wait(1000)
  t.match(rig.spoolNews[1], { kind: 'recovered', recovered: { lines: 1 } })
  await rig.wait(1000)
  await rig.deliverAll()
  t.match(rig.snapshot(), { linesReceived: 3, linesDelivered: 3, spoolLines: 0, queueLines: 0 })
})

t.test('when the spool is full its oldest lines go, and are counted', async t => {
  const rig = await trippedLaneWith({ spoolSizes: { maxBytes: 600000, segmentBytes: 100000 } })
  // More than is read ahead, which nobody can take away any more.
  for (let n = 0; n < 80; n++) {
    rig.log(`${n}`.padEnd(50000, 'x'))
    await rest()
  }
  const { linesDropped: { 'spool-full': dropped = 0 } } = rig.snapshot()
  t.ok(dropped > 0)
  await rig.wait(1000)
  await rig.deliverAll()
  t.match(rig.snapshot(), { linesDelivered: 81 - dropped, spoolLines: 0 })
})

t.test('flush is done when lines are on the disk and synced', async t => {
  const disk = new MemoryDisk()
  const rig = await trippedLaneWith({ disk })
  disk.allow(0)
  rig.log('second')
  let isFlushed = false
  rig.lane.flush(clock.now() + 5000).then(() => { isFlushed = true })
  await rest()
  t.notOk(isFlushed)
  disk.allow(Infinity)
  await rest()
  t.ok(isFlushed)
  disk.cutPower('nothing', () => 0)
  t.equal(disk.contentOf(`${FOLDER}/0000000001.ndjson`).toString(), '"first"\n"second"\n')
})

t.test('a disk that hangs costs a line only beyond the bounds of the queue, and the end no more than its time', async t => {
  const disk = new MemoryDisk()
  const rig = await trippedLaneWith({ disk, queue: { maxLines: 10 } })
  disk.allow(0)
  for (let n = 0; n < 50; n++) {
    rig.log(`${n}`)
    await rest()
    clock.advance(100)
  }
  await rig.end()
  const { linesDropped, queueLines, unsettledLines } = rig.snapshot()
  t.match({ queueLines, unsettledLines }, { queueLines: 0, unsettledLines: 0 })
  t.ok((linesDropped['queue-full'] ?? 0) > 0 || (linesDropped.closed ?? 0) > 0)
})

t.test('one bad line in the spool is found, and costs no other', async t => {
  const rig = await trippedLaneWith({ deadLetter: { maxBytes: 1e6 } })
  for (const line of ['good-1', 'bad', 'good-2']) rig.log(line)
  await rest()
  await rig.wait(1000)
  for (let n = 0; n < 30 && rig.snapshot().linesDeadLettered === 0; n++) {
    if (rig.child.last.lines.bytes.includes('bad')) rig.child.refuse()
    else rig.child.settle()
    await rest()
    await rig.bury()
    await rig.wait(1000)
  }
  await rig.deliverAll()
  t.match(rig.deadLetters, [{ line: '"bad"' }])
  t.match(rig.snapshot(), { linesReceived: 4, linesDelivered: 3, linesDeadLettered: 1, spoolLines: 0 })
})
