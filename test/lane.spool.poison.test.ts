import t from 'tap'
import { HandClock } from './support/hand-clock.js'
import { MemoryDisk } from './support/memory-disk.js'
import { rest } from './support/spool-rig.js'
import { SpoolingLane, type SpoolingLaneOptions } from './support/spooling-lane.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => clock.release())

async function trippedLaneWith (options: Partial<SpoolingLaneOptions> = {}): Promise<SpoolingLane> {
  return await SpoolingLane.tripped({ clock, deadLetter: { maxBytes: 1e6 }, ...options })
}

t.test('a line of a spool that makes its sink fail is found, and costs no other', async t => {
  const rig = await trippedLaneWith()
  // As much as is read ahead: others have to be read beside it.
  rig.log(`BAD${'x'.repeat(600_000)}`)
  for (let n = 0; n < 6; n++) rig.log(`${n}`)
  await rest()
  for (let n = 0; n < 200 && rig.snapshot().linesDeadLettered === 0; n++) {
    // It is to blame only if it fails each time right after others have arrived.
    rig.log(`more-${n}`)
    await rig.wait(1000)
    if (!rig.child.isAsked) continue
    if (rig.child.last.lines.bytes.includes('BAD')) rig.child.settle('http-500')
    else rig.child.settle()
    await rest()
    await rig.bury()
  }
  t.match(rig.deadLetters, [{ line: /^"BADx/ }])
  await rig.wait(1000)
  await rig.deliverAll()
  const { linesReceived, linesDelivered, linesDeadLettered } = rig.snapshot()
  t.match({ linesDeadLettered, others: linesReceived - linesDelivered }, { linesDeadLettered: 1, others: 1 })
})

t.test('a backend that refuses what is oldest is given what is behind it, also beyond what is read at once', async t => {
  const rig = await trippedLaneWith()
  const pad = 'x'.repeat(60_000)
  for (let n = 0; n < 40; n++) rig.log(`${n}-${pad}`)
  await rest()
  const first = rig.child.sent.length
  for (let n = 0; n < 30; n++) {
    await rig.wait(1000)
    rig.child.refuse()
    await rest()
  }
  const probes = rig.sent.slice(first).map(batch => batch.slice(0, 8))
  t.equal(new Set(probes).size, 30, 'each probe is of other lines')
  t.equal(rig.snapshot().linesDeadLettered, 0)
})

t.test('a refused line stays in the spool until it is a dead letter, whenever the process is killed', async t => {
  const disk = new MemoryDisk()
  const rig = await trippedLaneWith({ disk })
  rig.log('BAD', 'good')
  await rest()
  await rig.wait(1000)
  rig.child.settle()
  await rest()
  rig.child.reject({ outcome: { refused: [{ line: 0, reason: 'wrong' }], retry: [] } })
  await rest()
  t.match(rig.snapshot(), { unsettledLines: 1, linesDeadLettered: 0 })
  await rig.wait(1500)
  disk.kill()

  const next = await SpoolingLane.open({ clock, disk })
  await rest()
  t.equal(next.sent[0], 'BAD good')
})
