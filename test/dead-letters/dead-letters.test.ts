import t from 'tap'
import { freshLines } from '#lib/batch'
import type { DeadLetter, NumberedLetter } from '#lib/dead-letters/dead-letter'
import { DeadLetters } from '#lib/dead-letters/dead-letters'
import { Ledger } from '#lib/lane/ledger'
import { HandClock, settled } from '../support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

const linesOf = (...texts: string[]) => freshLines(Buffer.from(texts.map(text => `${text}\n`).join('')), texts.length, 7)

function createRig ({ written = Infinity, hasStore = true } = {}) {
  const ledger = new Ledger(() => {})
  const records: DeadLetter[] = []
  const sizes: number[] = []
  const numbered: NumberedLetter[] = []
  let changes = 0
  const deadLetters = new DeadLetters({
    sink: 'loki',
    clock,
    ledger,
    maxBytes: 99,
    store: hasStore
      ? {
          append: async (buffers, maxBytes, letters) => {
            const kept = buffers.slice(0, written)
            records.push(...kept.map(buffer => JSON.parse(buffer.toString()) as DeadLetter))
            sizes.push(maxBytes)
            numbered.push(...letters)
            return { written: kept.length }
          }
        }
      : undefined,
    onChange: () => { changes++ }
  })
  return { ledger, records, sizes, numbered, deadLetters, changes: () => changes }
}

t.test('each line is a record with the refusal of its own', async t => {
  const { deadLetters, records, sizes, numbered, ledger, changes } = createRig()
  deadLetters.add({ ...linesOf('{"ü":"\\n"}', 'b'), attempts: 2 }, [{ reason: 'one', status: 400 }, { reason: 'two' }])
  t.match(deadLetters, { lines: 2 })
  t.ok(deadLetters.bytes > 0)
  await settled()
  t.strictSame(records, [
    { time: clock.wallTime(), sink: 'loki', reason: 'one', status: 400, attempts: 3, line: '{"ü":"\\n"}' },
    { time: clock.wallTime(), sink: 'loki', reason: 'two', attempts: 3, line: 'b' }
  ])
  t.same(sizes, [99])
  t.same(numbered, [{ number: 7, letter: records[0] }, { number: 8, letter: records[1] }], 'with the number of its line')
  t.match(deadLetters, { lines: 0, bytes: 0 })
  t.match(ledger.entries, { linesDeadLettered: 2 })
  t.same(ledger.entries.linesDropped, {})
  t.equal(changes(), 1)
})

t.test('one refusal may stand for all', async t => {
  const { deadLetters, records } = createRig()
  deadLetters.add(linesOf('a', 'b'), [{ reason: 'no' }])
  await settled()
  t.match(records, [{ line: 'a', reason: 'no' }, { line: 'b', reason: 'no' }])
})

t.test('what was not written is dropped', async t => {
  const { deadLetters, ledger } = createRig({ written: 1 })
  deadLetters.add(linesOf('a', 'b', 'c'), [{ reason: 'no' }])
  await settled()
  t.match(ledger.entries, { linesDeadLettered: 1, linesDropped: { poison: 2 } })
})

t.test('what is beyond 4 MiB on its way is dropped, but not a single batch', async t => {
  const { deadLetters, ledger } = createRig()
  deadLetters.add(linesOf('x'.repeat(5 * 1024 * 1024)), [{ reason: 'no' }])
  deadLetters.add(linesOf('a', 'b'), [{ reason: 'no' }])
  t.match(ledger.entries, { linesDropped: { poison: 2 } })
  await settled()
  t.match(ledger.entries, { linesDeadLettered: 1, linesDropped: { poison: 2 } })
  deadLetters.add(linesOf('c'), [{ reason: 'no' }])
  await settled()
  t.match(ledger.entries, { linesDeadLettered: 2 })
})

t.test('without a file, and after the end, everything is dropped at once', async t => {
  const none = createRig({ hasStore: false })
  none.deadLetters.add(linesOf('a'), [{ reason: 'no' }])
  t.match(none.ledger.entries, { linesDropped: { poison: 1 } })
  const ended = createRig()
  ended.deadLetters.close()
  ended.deadLetters.add(linesOf('a'), [{ reason: 'no' }])
  t.match(ended.ledger.entries, { linesDropped: { poison: 1 } })
})
