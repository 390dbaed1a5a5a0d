import t from 'tap'
import { retryHeldFiles } from '#lib/spool/held-files'

/** A disk whose calls are refused with these codes, one after another, and what was waited for. */
function refusingDisk (...codes: string[]) {
  const [calls, waits]: [string[][], number[]] = [[], []]
  const call = (name: string) => async (...paths: string[]): Promise<void> => {
    calls.push([name, ...paths])
    const code = codes.shift()
    if (code !== undefined) throw Object.assign(new Error(code), { code })
  }
  const disk = retryHeldFiles({ rename: call('rename'), remove: call('remove'), removeFolder: call('removeFolder') }, async ms => { waits.push(ms) })
  return { disk, calls, waits }
}

t.test('a call that succeeds is made once, and waits for nothing', async t => {
  const { disk, calls, waits } = refusingDisk()
  await disk.rename('cursor.json.new', 'cursor.json')
  await disk.remove('0000000001.ndjson')
  await disk.removeFolder('app')
  t.strictSame(calls, [['rename', 'cursor.json.new', 'cursor.json'], ['remove', '0000000001.ndjson'], ['removeFolder', 'app']])
  t.strictSame(waits, [])
})

for (const code of ['EPERM', 'EACCES', 'EBUSY']) {
  t.test(`a file that another process holds is renamed once it is free: ${code}`, async t => {
    const { disk, calls, waits } = refusingDisk(code, code, code)
    await disk.rename('cursor.json.new', 'cursor.json')
    t.equal(calls.length, 4)
    t.strictSame(waits, [5, 10, 20])
  })
}

t.test('a file that is never free is given up after less than a second, with the system\'s error', async t => {
  const { disk, calls, waits } = refusingDisk(...Array.from({ length: 100 }, () => 'EPERM'))
  await t.rejects(disk.remove('0000000001.ndjson'), { code: 'EPERM' })
  t.equal(calls.length, waits.length + 1)
  t.ok(waits.reduce((sum, ms) => sum + ms, 0) < 1000)
})

t.test('any other error is none that passes', async t => {
  const { disk, calls } = refusingDisk('ENOENT')
  await t.rejects(disk.removeFolder('app'), { code: 'ENOENT' })
  t.equal(calls.length, 1)
  const second = refusingDisk('EBUSY', 'ENOSPC')
  await t.rejects(second.disk.rename('a', 'b'), { code: 'ENOSPC' })
  t.equal(second.calls.length, 2)
})
