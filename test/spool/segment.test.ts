import t from 'tap'
import { Segment, segmentNameOf, segmentNumberOf } from '#lib/spool/segment'
import { MemoryDisk } from '../support/memory-disk.js'
import { FOLDER } from '../support/spool-rig.js'
import { pathOf } from '../support/spool-scene.js'

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

function recover (disk: MemoryDisk, content: string, { deliveredBytes = 0, tornBytes = 0 } = {}): Segment {
  disk.put(pathOf(1), content)
  const bytes = content.length - tornBytes
  return Segment.recover(disk, FOLDER, 1, { bytes, deliveredBytes, lines: content.slice(deliveredBytes, bytes).split('\n').length - 1, isSynced: true })
}

t.test('a segment shrinks by what was delivered since it was found, and goes if nothing else is left', async t => {
  const disk = new MemoryDisk()
  const segment = recover(disk, '1\n2\n3\n4\ntorn', { deliveredBytes: 2, tornBytes: 4 })
  segment.handOut(3)
  segment.settle(2, 4, 1)
  segment.settle(6, 8, 1)
  segment.passOver(1)
  t.match(segment, { waitingLines: 0, outstandingLines: 0 })
  await segment.shrink(true)
  t.equal(disk.contentOf(pathOf(1)).toString(), '1\n3\ntorn', 'also but for what its cursor has passed, and what is torn at the end of the last one')

  const all = recover(disk, '1\n2\n', { deliveredBytes: 2 })
  all.handOut(1)
  all.settle(2, 4, 1)
  await all.shrink(false)
  t.same(disk.paths, [])
})

t.test('a last line that lacks its newline is given it', async t => {
  const disk = new MemoryDisk()
  await recover(disk, '1\n2').terminate()
  t.equal(disk.contentOf(pathOf(1)).toString(), '1\n2\n')
  await recover(disk, '1\n2\n').terminate()
  t.equal(disk.contentOf(pathOf(1)).toString(), '1\n2\n')
  t.equal(disk.calls.get('create'), 1)
  disk.fail('rename', { code: 'EIO' })
  await t.rejects(recover(disk, '1').terminate(), { code: 'EIO' })
  t.equal(disk.contentOf(pathOf(1)).toString(), '1')
  t.same(disk.paths, [pathOf(1)])
})
