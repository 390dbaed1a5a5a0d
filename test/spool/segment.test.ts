import t from 'tap'
import { segmentNameOf, segmentNumberOf } from '#lib/spool/segment'

t.test('the names of segments sort in the order of their numbers', async t => {
  t.equal(segmentNameOf(1), '0000000001.ndjson')
  t.equal(segmentNameOf(12345678901), '12345678901.ndjson')
  for (const number of [1, 10, 9999999999, 10000000000]) t.equal(segmentNumberOf(segmentNameOf(number)), number)
})

t.test('a name that only resembles that of a segment is not accepted', async t => {
  for (const name of ['0000000000.ndjson', '1.ndjson', '00000000001.ndjson', '0000000001.ndjson.gz', '0000000001.unreadable', 'x0000000001.ndjson', '9999999999999999999.ndjson', '-000000001.ndjson']) {
    t.equal(segmentNumberOf(name), undefined, name)
  }
})
