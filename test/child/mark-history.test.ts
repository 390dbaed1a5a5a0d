import fc from 'fast-check'
import t from 'tap'
import { MarkHistory } from '#lib/child/mark-history'

t.test('what had been accepted by a time is known, and nothing of before the first acceptance', async t => {
  const history = new MarkHistory()
  history.note(100, 10)
  history.note(200, 20)
  t.equal(history.at(99), 0)
  t.equal(history.at(199), 10)
  t.equal(history.at(200), 20)
  t.equal(history.at(5000), 20)
})

t.test('moments that are close together are taken for the last of them', async t => {
  const history = new MarkHistory()
  for (let now = 100; now <= 120; now += 5) history.note(now, now)
  t.equal(history.at(119), 100)
  t.equal(history.at(120), 120)
})

t.test('it never claims more than had been accepted, and in the end all of it', async t => {
  const steps = fc.array(fc.record({ ms: fc.nat(60), bytes: fc.nat(100), asksBack: fc.nat(300) }), { maxLength: 60 })
  fc.assert(fc.property(steps, steps => {
    const history = new MarkHistory()
    const acceptances: Array<{ at: number, mark: number }> = []
    let [now, mark, asked] = [0, 0, -Infinity]
    for (const { ms, bytes, asksBack } of steps) {
      now += ms
      mark += bytes
      history.note(now, mark)
      acceptances.push({ at: now, mark })
      const time = Math.max(asked, now - asksBack)
      asked = time
      const known = acceptances.findLast(({ at }) => at <= time)?.mark ?? 0
      if (history.at(time) > known) return false
    }
    return history.at(now + 1) === mark
  }))
  t.pass()
})
