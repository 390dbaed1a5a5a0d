import t from 'tap'
import { Pace } from '#lib/pace'

t.test('a sink that has just begun has no pace', async t => {
  const pace = new Pace()
  pace.begin(1000)
  t.equal(pace.hasMoved, false)
  t.equal(pace.lastProgress, 1000)
  t.equal(pace.msFor(1, 1500), Infinity)
})

t.test('the pace is what was taken since it began', async t => {
  const pace = new Pace()
  pace.begin(1000)
  pace.progress(1100, 50)
  t.ok(pace.hasMoved)
  t.equal(pace.lastProgress, 1100)
  t.equal(pace.msFor(100, 1100), 200)
  t.equal(pace.msFor(100, 1200), 400, 'standing still makes it slower')
})

t.test('what is taken at the very moment of the beginning has moved it', async t => {
  const pace = new Pace()
  pace.begin(1000)
  pace.progress(1000, 50)
  t.ok(pace.hasMoved)
  t.equal(pace.msFor(100, 1000), 0)
})

t.test('the pace is that of the last one to two seconds', async t => {
  const pace = new Pace()
  pace.begin(0)
  pace.progress(100, 1000000)
  pace.progress(1000, 10)
  t.ok(pace.msFor(100, 1000) < 1)
  pace.progress(2000, 10)
  t.equal(pace.msFor(100, 2000), 100 * 1000 / 20)
})

t.test('a new beginning forgets', async t => {
  const pace = new Pace()
  pace.begin(0)
  pace.progress(1100, 50)
  pace.begin(2000)
  t.notOk(pace.hasMoved)
  t.equal(pace.msFor(1, 2500), Infinity)
})
