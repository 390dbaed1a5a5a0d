import t from 'tap'
import assert from 'node:assert/strict'
import { HandClock } from '../support/hand-clock.js'
import { MemoryDisk, type Wreckage } from '../support/memory-disk.js'
import { rest, SpoolRig } from '../support/spool-rig.js'

const WRECKAGES: readonly Wreckage[] = ['nothing', 'zeros', 'garbage']
/** How much of the unsynced data survives: none, all, or a random part. */
const CHOICES = [() => 0, (max: number) => max, (max: number) => max >> 1]

/** The actions on a spool, up to the call of the disk at which the power is cut. */
async function run (disk: MemoryDisk, calls: number): Promise<{ synced: string[], settled: string[], hasEnded: boolean }> {
  const synced: string[] = []
  const settled: string[] = []
  let hasEnded = false
  const rig = new SpoolRig({ fs: disk, segmentBytes: 40 })
  const done = (async () => {
    rig.spool.start()
    await until(() => rig.opened.length > 0)
    const written: string[] = []
    for (let round = 0; round < 4; round++) {
      const texts = Array.from({ length: 5 }, (_, i) => `{"n":${round * 5 + i}}`)
      rig.append(...texts)
      written.push(...texts)
      if (await rig.spool.sync()) synced.splice(0, Infinity, ...written)
      rig.spool.read(25)
      await until(() => rig.given.length > 0)
      for (const lines of rig.given.splice(0)) {
        settled.push(...lines.bytes.toString().slice(0, -1).split('\n'))
        rig.spool.settle(lines)
      }
    }
    await rig.close()
    hasEnded = true
  })()
  disk.allow(calls)
  for (let still = 0; still < 20; still++) await rest()
  if (hasEnded) await done
  return { synced, settled, hasEnded }

  async function until (holds: () => boolean): Promise<void> {
    while (!holds() && !disk.isStill) await rest()
    if (!holds()) await new Promise(() => {})
  }
}

t.test('after a power cut at any call, all synced lines are delivered, and those before the cursor not again', async t => {
  // A process that dies in a power cut leaves timers behind.
  const clock = new HandClock().take()
  t.teardown(() => clock.release())
  let calls = 0
  for (let hasEnded = false; !hasEnded; calls++) {
    for (const wreckage of WRECKAGES) {
      for (const choose of CHOICES) {
        const disk = new MemoryDisk()
        const life = await run(disk, calls)
        hasEnded = life.hasEnded
        disk.cutPower(wreckage, choose)

        const next = new SpoolRig({ fs: disk })
        await next.open()
        const texts = await next.readAll(30)
        const numbers = texts.map(text => (JSON.parse(text) as { n: number }).n)
        assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b), 'in order')
        assert.equal(new Set(numbers).size, numbers.length, 'each once')
        for (const text of life.synced) {
          assert.ok(life.settled.includes(text) || texts.includes(text), `cut after ${calls} calls, ${wreckage}: ${text} is missing`)
        }
        if (hasEnded) assert.deepEqual(life.settled.filter(text => texts.includes(text)), [], 'after a close no line comes again')
        await next.close()
      }
    }
  }
  t.ok(calls > 40, `${calls} places`)
})
