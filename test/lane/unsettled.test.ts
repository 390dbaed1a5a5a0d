import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import type { Permit } from '#lib/breaker'
import { countLines, freshLines, type Lines } from '#lib/batch'
import { Unsettled } from '#lib/lane/unsettled'

function linesOf (firstLine: number, ...texts: string[]): Lines {
  return freshLines(Buffer.from(texts.map(text => `${text}\n`).join('')), texts.length, firstLine)
}

/** Three batches in the hands of a sink: 4, 6 and 2 bytes. */
function three (): Unsettled {
  const unsettled = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
  unsettled.add('0', linesOf(0, 'aaa'), null, 0)
  unsettled.add('1', linesOf(1, 'bb', 'cc'), null, 0)
  unsettled.add('3', linesOf(3, 'd'), null, 0)
  return unsettled
}

const ids = (attempts: ReadonlyArray<{ id: string }>): string[] => attempts.map(({ id }) => id)

t.test('nothing', async t => {
  const unsettled = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
  t.match(unsettled, { bytes: 0, lines: 0, count: 0, unacceptedBytes: 0, hasUnaccepted: false, oldestConsumed: undefined, oldestHeld: undefined, firstUnacceptedLine: undefined })
  t.equal(unsettled.acceptUpTo(0, 1), 0)
  t.same(unsettled.deliverUpTo(0), [])
  t.equal(unsettled.takeOldestAccepted(), undefined)
  t.equal(unsettled.settle('0'), undefined)
  t.same(unsettled.takeAll(), { attempts: [], deliveredLines: 0 })
})

t.test('what was handed over is counted', async t => {
  t.match(three(), { bytes: 12, lines: 4, count: 3, unacceptedBytes: 12, hasUnaccepted: true, firstUnacceptedLine: 0, oldestConsumed: undefined, oldestHeld: undefined })
})

t.test('an acceptance tells by how much it is new', async t => {
  const unsettled = three()
  t.equal(unsettled.acceptUpTo(5, 100), 5)
  t.match(unsettled, { unacceptedBytes: 7, hasUnaccepted: true, firstUnacceptedLine: 1, oldestConsumed: undefined, oldestHeld: { id: '0', acceptedAt: 100 }, bytes: 12 })
  t.equal(unsettled.acceptUpTo(5, 200), 0)
  t.equal(unsettled.acceptUpTo(3, 200), 0, 'it never goes back')
  t.equal(unsettled.acceptUpTo(12, 300), 7)
  t.match(unsettled, { unacceptedBytes: 0, hasUnaccepted: false, firstUnacceptedLine: undefined })
})

t.test('permits are taken apart from their lines, and once only', async t => {
  const unsettled = three()
  const permit = { success () {} } as unknown as Permit
  unsettled.add('4', linesOf(4, 'e'), permit, 0)
  t.same(unsettled.takePermits(12), [])
  t.match(unsettled.takePermits(14), [{ permit }])
  t.same(unsettled.takePermits(14), [])
  t.match(unsettled, { count: 4, lines: 5 })
  t.equal(unsettled.deliverUpTo(14).at(-1)?.permit, null)
})

t.test('a delivery takes out what it covers whole, accepted or not', async t => {
  const unsettled = three()
  unsettled.acceptUpTo(4, 100)
  t.same(ids(unsettled.deliverUpTo(11)), ['0', '1'])
  t.match(unsettled, { bytes: 2, lines: 1, count: 1, unacceptedBytes: 2, hasUnaccepted: true, oldestConsumed: undefined, oldestHeld: undefined })
  t.same(ids(unsettled.deliverUpTo(12)), ['3'])
  t.match(unsettled, { bytes: 0, lines: 0, count: 0, unacceptedBytes: 0, hasUnaccepted: false })
})

t.test('what was accepted by a moment is taken out, and no more', async t => {
  const unsettled = three()
  unsettled.acceptUpTo(4, 100)
  unsettled.consumeUpTo(4, 100, false)
  unsettled.acceptUpTo(10, 200)
  unsettled.consumeUpTo(10, 200, false)
  t.same(ids(unsettled.takeConsumedBefore(99)), [])
  t.same(ids(unsettled.takeConsumedBefore(100)), ['0'])
  t.same(ids(unsettled.takeConsumedBefore(1000)), ['1'])
  t.match(unsettled, { count: 1, unacceptedBytes: 2 })
})

t.test('what the sink keeps in its own buffers is accepted, and no more than that', async t => {
  const unsettled = three()
  unsettled.acceptUpTo(10, 100)
  t.equal(unsettled.consumeUpTo(3, 100, false), false)
  t.match(unsettled, { oldestConsumed: undefined, oldestHeld: { id: '0' } })
  t.equal(unsettled.consumeUpTo(5, 150, false), true)
  t.equal(unsettled.consumeUpTo(5, 160, false), false)
  t.match(unsettled, { oldestConsumed: { id: '0', consumedAt: 150 }, oldestHeld: { id: '1', acceptedAt: 100 } })
  t.same(ids(unsettled.takeConsumedBefore(1000)), ['0'])
  t.equal(unsettled.consumeUpTo(12, 200, false), true, 'what it has not accepted it cannot have consumed')
  t.same(ids(unsettled.takeConsumedBefore(1000)), ['1'])
  t.match(unsettled, { count: 1, hasUnaccepted: true, oldestHeld: undefined })
})

t.test('the oldest that was accepted is taken out to make room', async t => {
  const unsettled = three()
  t.equal(unsettled.takeOldestAccepted(), undefined)
  unsettled.acceptUpTo(10, 100)
  t.equal(unsettled.takeOldestAccepted()?.id, '0')
  t.equal(unsettled.takeOldestAccepted()?.id, '1')
  t.equal(unsettled.takeOldestAccepted(), undefined)
  t.equal(unsettled.acceptUpTo(12, 200), 2)
})

t.test('attempts that the sink has consumed within a quarter of a second are one from then on', async t => {
  const generous = { maxBytes: 10 ** 6, maxLines: 1000 }
  const outcomes: string[] = []
  const permit = (name: string, generation = 0): Permit => ({
    generation,
    success: () => { outcomes.push(`${name} succeeded`) },
    failure: () => { outcomes.push(`${name} failed`) },
    ignore: () => { outcomes.push(`${name} ignored`) }
  })
  /** Single lines of two bytes each, consumed at these times. */
  function consumed (times: number[], limits = generous, first = 0, generations: number[] = []): Unsettled {
    const unsettled = new Unsettled(limits)
    times.forEach((time, n) => {
      unsettled.add(`${first + n}`, linesOf(first + n, `${n % 10}`), permit(`${n}`, generations[n]), 0)
      unsettled.acceptUpTo(2 * (n + 1), time)
      unsettled.consumeUpTo(2 * (n + 1), time, true)
    })
    return unsettled
  }
  t.beforeEach(() => { outcomes.length = 0 })

  t.test('with the lines of all, and the time of the last', async t => {
    const unsettled = consumed([0, 100, 250])
    t.match(unsettled, { count: 1, lines: 3, bytes: 6, firstLine: 0, hasDirect: true, hasUnaccepted: false, oldestConsumed: { id: '0', consumedAt: 250 } })
    t.same(unsettled.takeConsumedBefore(249), [])
    const [whole] = unsettled.takeConsumedBefore(250)
    t.match(whole, { lines: { firstLine: 0, count: 3 } })
    t.equal(whole?.lines.bytes.toString(), '0\n1\n2\n')
    t.match(unsettled, { count: 0, lines: 0, bytes: 0, firstLine: Infinity, hasDirect: false })
  })

  t.test('the permit of the oldest is left, and the others have no outcome', async t => {
    consumed([0, 1, 2]).takeAll().attempts[0]?.permit?.failure()
    t.same(outcomes, ['1 ignored', '2 ignored', '0 failed'])
  })

  t.test('a part that is delivered takes the permit of the oldest, and the rest has that of the newest', async t => {
    const unsettled = consumed([0, 1, 2, 3])
    const delivered = unsettled.deliverUpTo(5)
    t.match(delivered, [{ lines: { firstLine: 0, count: 2 } }])
    delivered[0]?.permit?.success()
    t.match(unsettled, { count: 1, lines: 2, bytes: 4, firstLine: 2 })
    const { attempts, deliveredLines } = unsettled.takeAll()
    t.equal(deliveredLines, 0)
    t.match(attempts, [{ lines: { firstLine: 2, count: 2, arrivedBytes: 1 } }])
    attempts[0]?.permit?.failure()
    t.same(outcomes, ['1 ignored', '2 ignored', '0 succeeded', '3 failed'])
  })

  t.test('permits that are taken are those that are left', async t => {
    const unsettled = consumed([0, 1])
    for (const { permit } of unsettled.takePermits(4)) permit?.success()
    unsettled.takeAll()
    t.same(outcomes, ['0 succeeded'])
  })

  t.test('a refusal of a part leaves the rest with its permit', async t => {
    const unsettled = consumed([0, 1, 2])
    t.match(unsettled.takeRefused(2).attempts, [{ permit: null, lines: { firstLine: 0, count: 1 } }])
    t.match(unsettled, { count: 1, lines: 2, firstLine: 1 })
    unsettled.takeAll().attempts[0]?.permit?.success()
    t.same(outcomes, ['1 ignored', '2 ignored', '0 succeeded'])
  })

  t.test('others are still on their way', async t => {
    const unsettled = new Unsettled(generous)
    for (let n = 0; n < 6; n++) unsettled.add(`${n}`, linesOf(n, `${n}`), null, 0)
    unsettled.acceptUpTo(8, 0)
    unsettled.consumeUpTo(6, 0, true)
    t.match(unsettled, { count: 4, firstLine: 0, oldestConsumed: { id: '0' }, oldestHeld: { id: '3' }, firstUnacceptedLine: 4 })
    unsettled.acceptUpTo(12, 1)
    unsettled.consumeUpTo(12, 1, true)
    t.match(unsettled, { count: 1, lines: 6 })
    t.equal(unsettled.takeAll().attempts[0]?.lines.bytes.toString(), '0\n1\n2\n3\n4\n5\n')
  })

  t.test('up to 64 KiB', async t => {
    const unsettled = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
    const line = 'x'.repeat(32 * 1024 - 1)
    for (let n = 0; n < 3; n++) unsettled.add(`${n}`, linesOf(n, line), null, 0)
    unsettled.acceptUpTo(3 * 32 * 1024, 0)
    unsettled.consumeUpTo(3 * 32 * 1024, 0, true)
    t.match(unsettled, { count: 2, oldestConsumed: { lines: { count: 2 } } })
  })

  for (const [what, attempts] of [
    ['those of a later time', () => consumed([0, 251])],
    ['those of another generation of the breaker', () => consumed([0, 1], generous, 0, [0, 1])],
    ['more than a share of what a sink may hold', () => consumed([0, 1], { maxBytes: 10 ** 6, maxLines: 31 })],
    ['more than a share of the bytes that a sink may hold', () => consumed([0, 1], { maxBytes: 63, maxLines: 1000 })],
    ['lines of a spool', () => consumed([0, 1], generous, -1000)]
  ] as const) {
    t.test(`but not with ${what}`, async t => t.match(attempts(), { count: 2, lines: 2 }))
  }

  t.test('lines in doubt, lines that came back, and lines with gaps stay by themselves', async t => {
    for (const details of [{ doubts: 1 }, { attempts: 1 }, { arrivedBytes: 1 }, { firstLine: 5 }]) {
      const unsettled = new Unsettled(generous)
      unsettled.add('0', linesOf(0, 'aa'), null, 0)
      unsettled.add('1', { ...linesOf(1, 'aa'), ...details }, null, 0)
      unsettled.acceptUpTo(6, 0)
      unsettled.consumeUpTo(6, 0, true)
      t.equal(unsettled.count, 2)
    }
  })
})

t.test('the attempt that is under way is settled by its id', async t => {
  const unsettled = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
  unsettled.add('7', linesOf(7, 'a'), null, 0)
  t.equal(unsettled.settle('8'), undefined)
  t.equal(unsettled.settle('7')?.id, '7')
  t.match(unsettled, { count: 0, unacceptedBytes: 0, lines: 0 })
})

t.test('everything is taken back', async t => {
  const unsettled = three()
  unsettled.acceptUpTo(4, 100)
  const { attempts, deliveredLines } = unsettled.takeAll()
  t.same(ids(attempts), ['0', '1', '3'])
  t.equal(deliveredLines, 0)
  t.match(unsettled, { bytes: 0, lines: 0, count: 0, unacceptedBytes: 0, hasUnaccepted: false })
})

t.test('what has arrived of the oldest is told apart, to the byte', async t => {
  const unsettled = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
  unsettled.add('5', linesOf(5, 'aa', 'bb', 'cc'), null, 0)
  unsettled.deliverUpTo(4)
  const { attempts, deliveredLines } = unsettled.takeAll()
  t.equal(deliveredLines, 1)
  t.match(attempts, [{ lines: { count: 2, firstLine: 6, arrivedBytes: 1 } }])
  t.equal(attempts[0]?.lines.bytes.toString(), 'bb\ncc\n')
})

t.test('what has arrived of a line stays known, however often it fails', async t => {
  const unsettled = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
  unsettled.add('0', linesOf(0, 'abcdef', 'x'), null, 0)
  unsettled.deliverUpTo(2)
  const first = unsettled.takeAll().attempts[0]?.lines as Lines
  t.equal(first.arrivedBytes, 2)

  unsettled.restart()
  unsettled.add('0', first, null, 0)
  t.equal(unsettled.unacceptedBytes, 7, 'the new child is given the rest alone')
  t.equal(unsettled.bytes, 9, 'the whole is kept')
  const untouched = unsettled.takeAll().attempts[0]?.lines as Lines
  t.equal(untouched.arrivedBytes, 2)

  unsettled.restart()
  unsettled.add('0', untouched, null, 0)
  unsettled.deliverUpTo(3)
  t.equal((unsettled.takeAll().attempts[0]?.lines as Lines).arrivedBytes, 5)

  unsettled.restart()
  unsettled.add('0', { ...untouched, arrivedBytes: 5 }, null, 0)
  unsettled.deliverUpTo(2)
  t.match(unsettled.takeAll(), { deliveredLines: 1, attempts: [{ lines: { firstLine: 1, count: 1, arrivedBytes: 0 } }] })
})

t.test('what has arrived of earlier batches is none of the oldest that is left', async t => {
  const unsettled = three()
  unsettled.deliverUpTo(3)
  unsettled.acceptUpTo(4, 100)
  unsettled.takeOldestAccepted()
  const { attempts, deliveredLines } = unsettled.takeAll()
  t.equal(deliveredLines, 0)
  t.match(attempts[0], { id: '1', lines: { arrivedBytes: 0, count: 2 } })
})

t.test('any course of evidence, failures and restarts puts every byte in its place once', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), lengths: fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('accept' as const), bytes: fc.nat(20), joins: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('deliver' as const), bytes: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('fail' as const) }) }
  )
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), steps => {
    const unsettled = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
    let arrived = ''
    let added = ''
    let pending: Lines[] = []
    let given = ''
    let accepted = 0
    let delivered = 0
    let deliveredLines = 0
    let next = 0
    let now = 0
    const give = (lines: Lines): void => {
      given += lines.bytes.subarray(lines.arrivedBytes).toString()
      unsettled.add(`${lines.firstLine}`, lines, null, 0)
    }
    const settle = (attempts: ReadonlyArray<{ lines: Lines }>): void => {
      for (const { lines } of attempts) deliveredLines += lines.count
    }
    for (const step of steps) {
      switch (step.do) {
        case 'add': {
          const texts = step.lengths.map((length, i) => `${next + i}`.padEnd(length, '.'))
          const lines = linesOf(next, ...texts)
          next += texts.length
          added += lines.bytes.toString()
          give(lines)
          break
        }
        case 'accept':
          accepted = Math.min(given.length, accepted + step.bytes)
          unsettled.acceptUpTo(accepted, 0)
          unsettled.consumeUpTo(accepted, now += 50, step.joins)
          break
        case 'deliver':
          delivered = Math.min(given.length, delivered + step.bytes)
          accepted = Math.max(accepted, delivered)
          unsettled.acceptUpTo(delivered, 0)
          settle(unsettled.deliverUpTo(delivered))
          break
        case 'fail': {
          const taken = unsettled.takeAll()
          deliveredLines += taken.deliveredLines
          arrived += given.slice(0, delivered)
          pending = taken.attempts.map(({ lines }) => lines)
          unsettled.restart()
          given = ''
          accepted = delivered = 0
          for (const lines of pending) give(lines)
        }
      }
      assert.equal(unsettled.unacceptedBytes, given.length - accepted)
      assert.equal(unsettled.lines + deliveredLines, next)
    }
    assert.equal(arrived + given, added, 'what the sinks were given one after another is the whole, without a gap or a byte twice')
    assert.equal(deliveredLines >= countLines(Buffer.from(arrived)) - 1, true)
  }), { numRuns: 1000 })
})

t.test('what was refused is taken out, but for what was delivered before', async t => {
  t.test('whole batches', async t => {
    const unsettled = three()
    unsettled.acceptUpTo(12, 100)
    t.match(unsettled.takeRefused(10), { deliveredLines: 0, attempts: [{ id: '0' }, { id: '1' }] })
    t.match(unsettled, { bytes: 2, lines: 1, count: 1 })
  })

  t.test('a part of one, at the end of a line; the rest stays, with the permit', async t => {
    const unsettled = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
    const permit = { generation: 0, success () {}, failure () {}, ignore () {} }
    unsettled.add('0', linesOf(0, 'a', 'b', 'c', 'd'), permit, 0)
    unsettled.acceptUpTo(8, 100)
    t.same(unsettled.deliverUpTo(2), [])
    const { attempts, deliveredLines } = unsettled.takeRefused(5)
    t.equal(deliveredLines, 1)
    t.match(attempts, [{ permit: null, lines: { firstLine: 1, count: 1 } }])
    t.match(unsettled, { bytes: 4, lines: 2, count: 1, hasUnaccepted: false })
    t.match(unsettled.deliverUpTo(8), [{ permit, lines: { firstLine: 2, count: 2 } }])
  })

  t.test('nothing, if no line ends there, or all of it has arrived', async t => {
    const unsettled = three()
    t.same(unsettled.takeRefused(2), { attempts: [], deliveredLines: 0 })
    t.same(new Unsettled({ maxBytes: Infinity, maxLines: Infinity }).takeRefused(2), { attempts: [], deliveredLines: 0 })
    const two = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
    two.add('0', linesOf(0, 'a', 'b'), null, 0)
    two.deliverUpTo(2)
    t.same(two.takeRefused(2), { attempts: [], deliveredLines: 1 })
    t.match(two, { lines: 1, bytes: 2 })
  })
})

t.test('lines in doubt are known', async t => {
  const unsettled = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
  t.equal(unsettled.isInDoubt, false)
  unsettled.add('0', { ...linesOf(0, 'a'), doubts: 1 }, null, 0)
  t.equal(unsettled.isInDoubt, true)
})

t.test('whatever is added and taken, what it says of its lines is true', async () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), count: fc.integer({ min: 1, max: 700 }), firstLine: fc.integer({ min: -50, max: 50 }), doubts: fc.nat(1) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 900 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('renumber' as const), by: fc.integer({ min: -30, max: 30 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('takeAll' as const) }) }
  )
  fc.assert(fc.property(fc.array(step, { maxLength: 12 }), steps => {
    const unsettled = new Unsettled({ maxBytes: Infinity, maxLines: Infinity })
    let model: Array<{ firstLine: number, doubts: number }> = []
    let gone = 0
    for (const step of steps) {
      switch (step.do) {
        case 'add':
          for (let n = 0; n < step.count; n++) {
            const line = { firstLine: step.firstLine + n % 7, doubts: step.doubts }
            unsettled.add('x', { ...linesOf(line.firstLine, 'a'), doubts: line.doubts }, null, 0)
            model.push(line)
          }
          break
        case 'deliver':
          gone += Math.min(step.count, model.length)
          model = model.slice(step.count)
          unsettled.deliverUpTo(gone * 2)
          break
        case 'renumber':
          model = model.map(line => ({ ...line, firstLine: line.firstLine + step.by }))
          unsettled.renumber(lines => ({ ...lines, firstLine: lines.firstLine + step.by }))
          break
        case 'takeAll':
          assert.equal(unsettled.takeAll().attempts.length, model.length)
          gone += model.length
          model = []
      }
      assert.equal(unsettled.count, model.length)
      assert.equal(unsettled.firstLine, model.reduce((least, { firstLine }) => Math.min(least, firstLine), Infinity))
      assert.equal(unsettled.isInDoubt, model.some(({ doubts }) => doubts > 0))
      assert.equal(unsettled.hasDirect, model.some(({ firstLine }) => firstLine >= 0))
      assert.equal(unsettled.firstUnacceptedLine, model[0]?.firstLine)
    }
  }), { numRuns: 100 })
})
