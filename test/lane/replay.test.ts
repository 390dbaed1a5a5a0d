import t from 'tap'
import { freshLines } from '#lib/batch'
import { partByOrigin } from '#lib/lane/replay'

const bytes = Buffer.from('a\nbb\nccc\n')

t.test('lines that all came from a disk, or all past it, are one part', async t => {
  const spooled = freshLines(bytes, 3, -3)
  t.same(partByOrigin(spooled), { spooled })
  const direct = freshLines(bytes, 3, 0)
  t.same(partByOrigin(direct), { direct })
})

t.test('lines that were refused together are parted by where they came from', async t => {
  const { spooled, direct } = partByOrigin({ ...freshLines(bytes, 3, -7), numbers: [-7, -5, 2] })
  t.match(spooled, { bytes: Buffer.from('a\nbb\n'), count: 2, firstLine: -7, numbers: [-7, -5] })
  t.match(direct, { bytes: Buffer.from('ccc\n'), count: 1, firstLine: 2, numbers: [2] })
})
