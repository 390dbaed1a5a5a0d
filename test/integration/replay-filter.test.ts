import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { encodeCursor } from '#lib/spool/cursor'
import { idsOf, LIMIT_MS, lineOf, numbers, Scene, stateOf, until, waitingIn, type Line } from '../support/replay-scene.js'
import { mountSmallDisk } from '../support/small-disk.js'
import { SpoolUser } from '../support/spool-user.js'

t.setTimeout(2 * LIMIT_MS)

const ERRORS = ['--filter', 'level>=error']

/** Each fourth line is an error. */
function isError (id: number): boolean {
  return id % 4 === 1
}

function mixedLineOf (id: number, fields: Partial<Line> = {}): string {
  return lineOf(id, { level: isError(id) ? 50 : 30, ...fields })
}

t.test('of a spool only what the filter lets through is sent, in order; all else stays as it is, and is sent when its time comes', async t => {
  const scene = await Scene.open(t)
  const { folder, lines } = scene.writeSpool(5000, { segments: 5, lineFor: mixedLineOf })
  const { code, stderr, stdout } = await scene.replay(ERRORS, folder)
  t.equal(code, 0, stderr)
  t.equal(stdout, '')
  t.equal(stderr, `delivered 1250 of 1250 lines; 3750 lines left in ${folder}\n`)
  t.equal(scene.backend.requests.map(({ body }) => body).join(''), lines.filter((_, id) => isError(id)).map(line => `${line}\n`).join(''))
  t.equal(readdirSync(folder).map(name => readFileSync(join(folder, name), 'utf8')).join(''), lines.filter((_, id) => !isError(id)).map(line => `${line}\n`).join(''), 'and there is no other file')

  scene.backend.requests.length = 0
  t.equal((await scene.replay([], folder)).code, 0)
  t.same(scene.arrived, numbers(5000).filter(id => !isError(id)))
})

t.test('by time it sends what came in an hour, and removes segments of which nothing is left', async t => {
  const scene = await Scene.open(t)
  const { folder, lines } = scene.writeSpool(40, { segments: 4, lineFor: id => lineOf(id, { time: Date.UTC(2026, 10, 24, 10, id * 6) }) })
  writeFileSync(join(folder, 'cursor.json'), encodeCursor({ segment: 1, offset: Buffer.byteLength(`${lines[0]}\n`) }))
  const { code, stderr } = await scene.replay(['--filter', 'time>=2026-11-24T11:00:00Z', '--filter', 'time<2026-11-24T12:30:00Z'], folder)
  t.equal(code, 0, stderr)
  t.same(scene.arrived, numbers(40).slice(10, 25))
  t.same(readdirSync(folder).sort(), ['0000000001.ndjson', '0000000003.ndjson', '0000000004.ndjson', 'cursor.json'])
  t.same(await waitingIn(folder), [...lines.slice(1, 10), ...lines.slice(25)])
})

t.test('a dry run tells what a run then sends', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(100, { lineFor: mixedLineOf })
  // The last line was being written.
  writeFileSync(join(folder, '0000000002.ndjson'), mixedLineOf(101), { flag: 'a' })
  t.match((await scene.replay([...ERRORS, '--dry-run'], folder)).stdout, 'would send 25 lines; 75 lines left by the filter\n')
  t.match((await scene.replay(ERRORS, folder)).stderr, 'delivered 25 of 25 lines; 75 lines left')
})

t.test('a line that is refused stays in its place, and is told of', async t => {
  const scene = await Scene.open(t)
  scene.refuseBad()
  const { folder, lines } = scene.writeSpool(40, { lineFor: id => mixedLineOf(id, id === 21 ? { bad: true } : {}) })
  const { code, stderr } = await scene.replay(ERRORS, folder)
  t.equal(code, 1)
  t.match(stderr, `backend: refused 1 line: the backend answered 400\ndelivered 9 of 10 lines, 1 refused; 31 lines left in ${folder}\n`)
  t.same(await waitingIn(folder), lines.filter((_, id) => !isError(id) || id === 21))
  t.same(readdirSync(join(scene.dir, 'spool')), ['backend'])
})

t.test('with a backend that is down it gives up after a while, and leaves all as it was', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(100, { lineFor: mixedLineOf })
  scene.backend.answer = response => { response.writeHead(503).end() }
  const before = stateOf(scene.dir)
  const { code, stderr } = await scene.replay([...ERRORS, '--timeout', '1'], folder)
  t.equal(code, 1)
  t.match(stderr, 'backend: gave up, since nothing was delivered for 1 s: the backend answered 503\n')
  t.match(stderr, `delivered 0 of 25 lines; 100 lines left in ${folder}\n`)
  t.same(stateOf(scene.dir), before)
})

t.test('with nothing to send nothing is touched', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(10)
  const before = stateOf(scene.dir)
  const { code, stderr } = await scene.replay(['--filter', 'level=fatal'], folder)
  t.equal(code, 0)
  t.equal(stderr, 'nothing to send; 10 lines left by the filter\n')
  t.same(stateOf(scene.dir), before)
})

t.test('a signal ends it soon, and leaves exactly what was not delivered', async t => {
  const scene = await Scene.open(t)
  const { folder, lines } = scene.writeSpool(8000, { segments: 8, lineFor: id => `${mixedLineOf(id).slice(0, -1)},"x":"${'x'.repeat(1000)}"}` })
  let answered = 0
  scene.backend.answer = response => { if (++answered < 3) response.writeHead(204).end() }
  const { code, stderr } = await scene.replay(ERRORS, folder, async child => {
    await until(() => scene.backend.requests.length === 3)
    child.kill('SIGTERM')
  })
  t.equal(code, 1)
  const arrived = scene.backend.requests.slice(0, 2).flatMap(({ body }) => idsOf(body))
  t.ok(arrived.length > 0)
  t.match(stderr, `stopped: delivered ${arrived.length} of 2000 lines; ${8000 - arrived.length} lines left in ${folder}\n`)
  t.same(await waitingIn(folder), lines.filter((_, id) => !arrived.includes(id)))
})

t.test('what has arrived is out of the spool within seconds, while the rest is still on its way', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(4000, { segments: 8, lineFor: id => `${mixedLineOf(id).slice(0, -1)},"x":"${'x'.repeat(1000)}"}` })
  let answered = 0
  scene.backend.answer = response => { if (++answered < 7) response.writeHead(204).end() }
  await scene.replay(ERRORS, folder, async child => {
    await until(() => readFileSync(join(folder, '0000000001.ndjson'), 'utf8').split('\n').length === 376)
    child.kill('SIGKILL')
  })
  t.equal((await waitingIn(folder)).filter(line => isError((JSON.parse(line) as Line).id)).length < 1000, true)
})

t.test('a spool that is in use is left alone, and its user is named', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(10, { lineFor: mixedLineOf })
  const user = new SpoolUser({ folder })
  t.teardown(() => user.kill())
  await user.until(messages => messages.some(({ opened }) => opened !== undefined))
  const { code, stderr } = await scene.replay(ERRORS, folder)
  t.equal(code, 2)
  t.match(stderr, `${folder}: is in use by process ${user.pid}\n`)
  t.equal(scene.backend.requests.length, 0)
})

t.test('a segment that cannot be read ends it: what has arrived is out of the spool, and the rest is there', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(10, { lineFor: mixedLineOf })
  mkdirSync(join(folder, '0000000003.ndjson'))
  const before = stateOf(folder)
  const { code, stderr } = await scene.replay(ERRORS, folder)
  t.equal(code, 1)
  t.match(stderr, '0000000003.ndjson: is not a regular file')
  t.same(stateOf(folder), before)
})

t.test('on a disk that is full segments stay as they were, it says so, and the next run goes on once there is room', async t => {
  const disk = mountSmallDisk(t, 4096)
  if (disk === undefined) {
    if (process.env['CI'] === 'true') return t.fail('no tmpfs can be mounted')
    return t.plan(0, 'only root can mount a tmpfs of 4 MiB')
  }
  const scene = await Scene.open(t)
  const { folder: from, lines } = scene.writeSpool(2000, { segments: 2, lineFor: id => `${mixedLineOf(id).slice(0, -1)},"x":"${'x'.repeat(1000)}"}` })
  const folder = join(disk, 'backend')
  cpSync(from, folder, { recursive: true })
  try {
    for (;;) writeFileSync(join(disk, 'other'), Buffer.alloc(4096), { flag: 'a' })
  } catch {
    // It is full now.
  }
  const full = await scene.replay(ERRORS, folder)
  t.equal(full.code, 1)
  t.match(full.stderr, `${folder}: 0000000001.ndjson cannot be rewritten: ENOSPC`)
  t.match(full.stderr, '; 250 lines that arrived will be sent again\n')
  t.match(full.stderr, `delivered 500 of 500 lines; 2000 lines left in ${folder}\n`)
  t.same(await waitingIn(folder), lines)

  rmSync(join(disk, 'other'))
  const { code, stderr } = await scene.replay(ERRORS, folder)
  t.equal(code, 0, stderr)
  t.same(await waitingIn(folder), lines.filter((_, id) => !isError(id)))
})
