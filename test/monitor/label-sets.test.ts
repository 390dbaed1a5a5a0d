import t from 'tap'
import { LabelSets } from '#lib/monitor/label-sets'

t.test('the same values give the same object, and others give another', async t => {
  const sets = new LabelSets(['sink', 'fallback'])
  const labels = sets.of('loki', 'spare')
  t.same(labels, { sink: 'loki', fallback: 'spare' })
  t.equal(sets.of('loki', 'spare'), labels)
  t.same(sets.of('loki', 'file'), { sink: 'loki', fallback: 'file' })
  t.same(sets.of('lokispare', ''), { sink: 'lokispare', fallback: '' })
  t.same(sets.of('__proto__', 'constructor'), { sink: '__proto__', fallback: 'constructor' })
  t.throws(() => { Object.assign(labels, { sink: 'other' }) }, TypeError, 'nobody can change it for all others')
})

t.test('a metric without labels has one empty set', async t => {
  const sets = new LabelSets([])
  t.same(sets.of(), {})
  t.equal(sets.of(), sets.of())
})
