import t, { type Test } from 'tap'
import type { LineFate, LineMark } from '#lib/lane'
import { UndecidedRecords, type RecordPlace } from '#lib/undecided-records'
import { HandClock } from './support/hand-clock.js'

const mark: LineMark = { line: 0, lostLines: 0, failures: 0 }

function createRecords (t: Test) {
  const clock = new HandClock().take()
  t.teardown(() => clock.release())
  const written: string[] = []
  return { clock, written, records: new UndecidedRecords(clock, line => { written.push(line) }) }
}

/** A place whose fate the test sets. */
function placeOf (fate: LineFate): RecordPlace & { fate: LineFate } {
  const place = { fate, mark, lane: { fateOf: () => place.fate } }
  return place
}

t.test('a record that one lane has delivered is forgotten, whatever the others did', async t => {
  const { clock, written, records } = createRecords(t)
  const [first, second] = [placeOf('held'), placeOf('lost')]
  records.add('a\n', [first, second])
  clock.advance(1000)
  first.fate = 'arrived'
  clock.advance(250)
  t.equal(clock.timers, 0, 'nobody looks any more')
  first.fate = 'lost'
  clock.advance(60000)
  records.settle()
  t.same(written, [])
})

t.test('a record that all lanes have lost is written once, and soon', async t => {
  const { clock, written, records } = createRecords(t)
  const [first, second] = [placeOf('held'), placeOf('lost')]
  records.add('a\n', [first, second])
  clock.advance(5000)
  t.same(written, [])
  first.fate = 'lost'
  clock.advance(250)
  t.same(written, ['a\n'])
  clock.advance(60000)
  records.settle()
  t.same(written, ['a\n'])
  t.equal(clock.timers, 0)
})

t.test('a lane that has failed since is waited for 3 s, since it may be restarted', async t => {
  const { clock, written, records } = createRecords(t)
  records.add('a\n', [placeOf('failing')])
  clock.advance(2750)
  t.same(written, [])
  clock.advance(250)
  t.same(written, ['a\n'])
})

t.test('no lane is waited for without an end', async t => {
  const { clock, written, records } = createRecords(t)
  records.add('a\n', [placeOf('held')])
  clock.advance(29750)
  t.same(written, [])
  clock.advance(250)
  t.same(written, ['a\n'])
})

t.test('at the end all that has not arrived is written', async t => {
  const { clock, written, records } = createRecords(t)
  for (const fate of ['held', 'failing', 'lost', 'arrived'] as const) records.add(`${fate}\n`, [placeOf(fate)])
  records.settle()
  t.same(written, ['held\n', 'failing\n', 'lost\n'])
  t.equal(clock.timers, 0)
})

t.test('no more than a hundred are kept: the oldest is written unless somebody is well who has it', async t => {
  const { written, records } = createRecords(t)
  records.add('failing\n', [placeOf('failing')])
  records.add('held\n', [placeOf('held')])
  for (let i = 0; i < 99; i++) records.add(`${i}\n`, [placeOf('held')])
  t.same(written, ['failing\n'])
  records.add('99\n', [placeOf('held')])
  t.same(written, ['failing\n'], 'the other is left to the lane')
})
