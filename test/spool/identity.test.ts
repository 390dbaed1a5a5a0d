import t from 'tap'
import { identify, loseIdentity } from '#lib/spool/identity'
import { MemoryDisk } from '../support/memory-disk.js'

t.test('a spool keeps its identity as long as its folder exists, and two spools have different ones', async t => {
  const disk = new MemoryDisk()
  await disk.makeFolder('/a')
  await disk.makeFolder('/b')
  const identity = await identify(disk, '/a', () => 0.1)
  t.match(identity, /^[0-9a-f]{12}$/)
  t.not(await identify(disk, '/b', () => 0.2), identity)
  disk.cutPower('nothing', () => 0)
  t.equal(await identify(disk, '/a', () => 0.3), identity)
  t.same(disk.paths.filter(path => path.startsWith('/a')), [`/a/id.${identity}`])
})

t.test('a full disk can store an identity, and a disk that fails does not hold up the spool', async t => {
  const disk = new MemoryDisk()
  await disk.makeFolder('/a')
  disk.capacityBytes = 0
  const identity = await identify(disk, '/a', () => 0.1)
  t.equal(await identify(disk, '/a', () => 0.2), identity)
  await disk.makeFolder('/b')
  disk.fail('create', { code: 'EIO' })
  t.match(await identify(disk, '/b', () => 0), /^0{12}$/)
})

t.test('a spool whose identity was removed gets a new one, also after a power cut', async t => {
  const disk = new MemoryDisk()
  await disk.makeFolder('/a')
  const identity = await identify(disk, '/a', () => 0.1)
  disk.put('/a/id.txt', '')
  await loseIdentity(disk, '/a')
  disk.cutPower('nothing', () => 0)
  t.same(disk.paths, ['/a/id.txt'])
  t.not(await identify(disk, '/a', () => 0.2), identity)
})
