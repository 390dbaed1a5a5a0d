import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import type { Content } from '#lib/encode'
import { Portions } from '#lib/portions'

const KIB = 1024

/** Portions that the test relieves, and the portions that were taken. */
function createPortions () {
  const taken: Content[] = []
  let isPressing = false
  let goOn: (() => void) | undefined
  const portions = new Portions({
    take: portion => { taken.push(portion) },
    whenRelieved: then => {
      if (isPressing) goOn = then
      else then()
    }
  })
  return {
    portions,
    taken,
    press: () => { isPressing = true },
    relieve: () => {
      isPressing = false
      goOn?.()
    }
  }
}

t.test('small chunks are worked through at once', async t => {
  const { portions, taken } = createPortions()
  let done = 0
  for (let i = 0; i < 100; i++) portions.work('x'.repeat(KIB), () => { done++ })
  t.equal(done, 100)
  t.equal(taken.length, 100)
})

t.test('after 128 KiB, in one chunk or in many, the event loop has its turn', async t => {
  for (const size of [1, 64, 128, 4096]) {
    const { portions } = createPortions()
    let turns = 0
    let worked = 0
    const counting = setInterval(() => {}, 1000)
    const count = (): void => {
      turns++
      immediate = setImmediate(count)
    }
    let immediate = setImmediate(count)
    while (worked < 4096) {
      await new Promise<void>(resolve => { portions.work('x'.repeat(size * KIB), resolve) })
      worked += size
    }
    clearImmediate(immediate)
    clearInterval(counting)
    t.ok(turns >= 4096 / 128 - 1, `${size} KiB: ${turns} turns`)
  }
})

t.test('all of a chunk comes, in order, text and bytes', async t => {
  const text = Array.from({ length: 60000 }, (_, i) => `line ${i}\n`).join('')
  for (const chunk of [text, Buffer.from(text)]) {
    const { portions, taken } = createPortions()
    await new Promise<void>(resolve => { portions.work(chunk, resolve) })
    t.ok(taken.length > 1)
    t.equal(taken.map(String).join(''), text)
  }
})

t.test('no portion comes before the lanes are relieved', async t => {
  const { portions, taken, press, relieve } = createPortions()
  press()
  const done = new Promise<void>(resolve => { portions.work('x'.repeat(256 * KIB), resolve) })
  for (let i = 0; i < 5; i++) await nextTurn()
  t.equal(taken.length, 1)
  relieve()
  await done
  t.equal(taken.length, 2)
})
