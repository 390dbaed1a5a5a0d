import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DeadLetter } from 'pino-breaker-fanout'
import t from 'tap'
import { encodeCursor } from '#lib/spool/cursor'
import { openBackend } from '../support/http-backend.js'
import { idsOf, letterOf, LIMIT_MS, lineOf, numbers, Scene, stateOf, until, writeLetters, type Line } from '../support/replay-scene.js'
import { SpoolUser } from '../support/spool-user.js'

t.setTimeout(2 * LIMIT_MS)

t.test('dead letters are delivered once the backend is mended, in order and as they were logged, and nothing is left', async t => {
  const scene = await Scene.open(t)
  const lines = numbers(5000).map(id => lineOf(id))
  writeLetters(scene.dead, lines.map(line => letterOf(line)))
  const { code, stdout, stderr } = await scene.replay()
  t.equal(code, 0, stderr)
  t.equal(stdout, '')
  t.equal(stderr, 'delivered 5000 of 5000 lines; nothing is left\n')
  t.equal(scene.backend.requests.map(({ body }) => body).join(''), lines.map(line => `${line}\n`).join(''))
  t.same(readdirSync(scene.dir), ['config.json'])
})

t.test('what is refused again stays, exactly that, with its new reason and its attempts counted on', async t => {
  const scene = await Scene.open(t)
  scene.refuseBad()
  writeLetters(scene.dead, numbers(40).map(id => letterOf(lineOf(id, id % 2 === 1 ? { bad: true } : {}))))
  const { code, stderr } = await scene.replay()
  t.equal(code, 1)
  t.match(stderr, `delivered 20 of 40 lines, 20 refused; 20 records left in ${scene.dead}\n`)
  t.same([...scene.arrived].sort((a, b) => a - b), numbers(40).filter(id => id % 2 === 0), 'all good lines arrived, once')
  t.same(scene.left.map(({ line }) => (JSON.parse(line) as Line).id), numbers(40).filter(id => id % 2 === 1), 'in the order that they had')
  for (const letter of scene.left) {
    t.match(letter, { sink: 'backend', reason: 'the backend answered 400', status: 400 })
    t.ok(letter.attempts > 4 && Math.abs(letter.time - Date.now()) < LIMIT_MS)
  }
})

t.test('only what the filter lets through is sent; all else stays as it is, also what is no record', async t => {
  const scene = await Scene.open(t)
  const letters = numbers(20).map(id => letterOf(lineOf(id, { level: id < 10 ? 30 : 50 }), { time: 7 }))
  letters.splice(3, 0, '{"time":1,"si')
  writeLetters(scene.dead, letters)
  const { code, stderr } = await scene.replay(['--filter', 'level>=ERROR', '--filter', 'time>=2026-11-24T10:00:00.015Z'])
  t.equal(code, 1, 'a line that is no record is left')
  t.match(stderr, 'delivered 5 of 5 lines')
  t.same(scene.arrived, [15, 16, 17, 18, 19])
  t.equal(readFileSync(scene.dead, 'utf8'), letters.slice(0, 16).map(letter => `${letter}\n`).join(''))
})

t.test('a dry run tells what would be sent, by target, level and hour, and touches nothing', async t => {
  const scene = await Scene.open(t)
  const letters = [30, 30, 50, 35, 30].map((level, id) => letterOf(lineOf(id, { level, time: Date.UTC(2026, 10, 24, 10 + Math.floor(id / 2)) })))
  writeLetters(scene.dead, [...letters, letterOf('no JSON'), 'no record'])
  const before = stateOf(scene.dir)
  const { code, stdout, stderr } = await scene.replay(['--dry-run', '--filter', 'level!=35'])
  t.equal(code, 0, stderr)
  t.equal(stdout, `\
target   level  time               lines
backend  info   2026-11-24T10:00Z      2
backend  info   2026-11-24T12:00Z      1
backend  error  2026-11-24T11:00Z      1

would send 4 lines; 2 lines left by the filter; 1 line left that is no record
`)
  t.same(stateOf(scene.dir), before)
  t.equal(scene.backend.requests.length, 0)
})

t.test('with a backend that is down it gives up after a while, says so, and leaves all as it was', async t => {
  const scene = await Scene.open(t)
  scene.backend.answer = response => { response.writeHead(503).end() }
  writeLetters(scene.dead, numbers(100).map(id => letterOf(lineOf(id))))
  const before = stateOf(scene.dir)
  const { code, stderr } = await scene.replay(['--timeout', '1'])
  t.equal(code, 1)
  t.match(stderr, 'backend: circuit closed -> open (http-503)')
  t.match(stderr, 'backend: gave up, since nothing was delivered for 1 s: the backend answered 503\n')
  t.match(stderr, `delivered 0 of 100 lines; 100 records left in ${scene.dead}\n`)
  t.same(stateOf(scene.dir), before)
})

t.test('a backend that is down keeps no line from another target', async t => {
  const scene = await Scene.open(t)
  const other = await openBackend(t)
  other.answer = response => { response.writeHead(503).end() }
  scene.configure({ targets: [scene.target('backend'), scene.target('down', other.url)] })
  writeLetters(scene.dead, numbers(200).map(id => letterOf(lineOf(id), { sink: id % 2 === 0 ? 'backend' : 'down' })))
  const { code } = await scene.replay(['--timeout', '1'])
  t.equal(code, 1)
  t.same(scene.arrived, numbers(200).filter(id => id % 2 === 0))
  t.same(scene.left.map(({ line }) => (JSON.parse(line) as Line).id), numbers(200).filter(id => id % 2 === 1))
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`${signal} ends it soon, and leaves exactly what was not delivered`, async t => {
    const scene = await Scene.open(t)
    const lines = numbers(8000).map(id => `${lineOf(id).slice(0, -1)},"x":"${'x'.repeat(400)}"}`)
    writeLetters(scene.dead, lines.map(line => letterOf(line)))
    let answered = 0
    scene.backend.answer = response => { if (++answered < 3) response.writeHead(204).end() }
    const { code, stderr } = await scene.replay([], scene.dead, async child => {
      await until(() => scene.backend.requests.length === 3)
      child.kill(signal)
    })
    t.equal(code, 1)
    t.match(stderr, `${signal}: stopping`)
    const arrived = scene.backend.requests.slice(0, 2).flatMap(({ body }) => idsOf(body))
    t.same(scene.left.map(({ line }) => line), lines.slice(arrived.length))
    t.same(readdirSync(scene.dir).sort(), ['config.json', 'dead.ndjson'])
  })
}

t.test('killed in the midst it loses nothing: the next run sends what is left, and what it had on its way', async t => {
  const scene = await Scene.open(t)
  const lines = numbers(8000).map(id => `${lineOf(id).slice(0, -1)},"x":"${'x'.repeat(400)}"}`)
  writeLetters(scene.dead, lines.map(line => letterOf(line)))
  let answered = 0
  scene.backend.answer = response => { if (++answered < 4) response.writeHead(204).end() }
  const working = `${scene.dead}.replaying`
  const killed = await scene.replay([], scene.dead, async child => {
    await until(() => scene.backend.requests.length === 4)
    // What has been delivered is noted each second.
    const delivered = scene.backend.requests.slice(0, 3).flatMap(({ body }) => idsOf(body)).length
    const note = join(working, '0000000001.delivered')
    await until(() => existsSync(note) && readFileSync(note, 'utf8').endsWith(`-${delivered - 1}\n`))
    child.kill('SIGKILL')
  })
  t.equal(killed.signal, 'SIGKILL')
  t.notOk(existsSync(scene.dead))
  const before = scene.backend.requests.slice(0, 3).flatMap(({ body }) => idsOf(body))

  // The app has gone on.
  appendFileSync(scene.dead, `${letterOf(lineOf(8000))}\n`)
  scene.backend.requests.length = 0
  scene.backend.answer = response => { response.writeHead(204).end() }
  const { code, stderr } = await scene.replay()
  t.equal(code, 0, stderr)
  t.same(new Set([...before, ...scene.arrived]), new Set(numbers(8001)), 'every line arrived')
  t.same(scene.arrived, numbers(8001).slice(before.length), 'and none of those twice that were noted')
  t.same(readdirSync(scene.dir), ['config.json'])
})

t.test('a second signal ends it at once, and nothing is lost by that', async t => {
  const scene = await Scene.open(t)
  writeLetters(scene.dead, numbers(10).map(id => letterOf(lineOf(id))))
  scene.backend.answer = () => {}
  const { code, signal } = await scene.replay([], scene.dead, async child => {
    let stderr = ''
    child.stderr?.on('data', (text: string) => { stderr += text })
    await until(() => scene.backend.requests.length === 1)
    child.kill('SIGINT')
    await until(() => stderr.includes('stopping'))
    child.kill('SIGINT')
  })
  t.same({ code, signal }, { code: 1, signal: null })
  t.same(readdirSync(scene.dir).sort(), ['config.json', 'dead.ndjson.replaying'])
  scene.backend.answer = response => { response.writeHead(204).end() }
  scene.backend.requests.length = 0
  t.equal((await scene.replay()).code, 0)
  t.same(scene.arrived, numbers(10))
})

t.test('a line that its lane has to drop, since it is too large to be a dead letter, is not lost', async t => {
  const scene = await Scene.open(t)
  scene.refuseBad()
  const huge = `${lineOf(1, { bad: true }).slice(0, -1)},"x":"${'x'.repeat(5e6)}"}`
  writeLetters(scene.dead, [lineOf(0), huge, lineOf(2)].map(line => letterOf(line)))
  const { code } = await scene.replay()
  t.equal(code, 1)
  t.ok(scene.left.some(({ line }) => line === huge))
  t.same(scene.arrived, [0, 2])
})

t.test('with nothing to send nothing is touched', async t => {
  const scene = await Scene.open(t)
  writeLetters(scene.dead, [letterOf(lineOf(0)), 'no record', '7'])
  const before = stateOf(scene.dir)
  const { code, stderr } = await scene.replay(['--filter', 'level>=60'])
  t.equal(stderr, 'nothing to send; 1 line left by the filter; 2 lines left that are no records\n')
  t.equal(code, 1)
  t.equal((await scene.replay(['--filter', 'level>=60', '--dry-run'])).stdout, 'would send 0 lines; 1 line left by the filter; 2 lines left that are no records\n')
  writeLetters(scene.dead, [])
  t.equal((await scene.replay()).code, 0)
  t.same(stateOf(scene.dir).length, before.length)
})

t.test('what the app appends meanwhile stays, behind what was not delivered', async t => {
  const scene = await Scene.open(t)
  writeLetters(scene.dead, numbers(10).map(id => letterOf(lineOf(id, id === 7 ? { bad: true } : {}))))
  scene.refuseBad()
  const { answer } = scene.backend
  let isAppended = false
  scene.backend.answer = (response, request) => {
    if (!isAppended) appendFileSync(scene.dead, `${letterOf(lineOf(99))}\n`)
    isAppended = true
    answer(response, request)
  }
  const { code, stderr } = await scene.replay()
  t.equal(code, 1)
  t.match(stderr, 'delivered 9 of 10 lines, 1 refused; 1 record left')
  t.same(scene.left.map(({ line }) => (JSON.parse(line) as Line).id), [7, 99])
})

t.test('a stream sink that proves nothing is taken at its word, as its lane takes it', async t => {
  const scene = await Scene.open(t)
  scene.configure({ target: 'pino/file', options: { destination: join(scene.dir, 'out.log') } })
  const lines = numbers(3000).map(id => lineOf(id))
  writeLetters(scene.dead, lines.map(line => letterOf(line)))
  const { code, stderr } = await scene.replay()
  t.equal(code, 0, stderr)
  t.equal(readFileSync(join(scene.dir, 'out.log'), 'utf8'), lines.map(line => `${line}\n`).join(''))
  t.notOk(existsSync(scene.dead))
})

t.test('lines that are the same, or no Unicode, are told apart by what became of them', async t => {
  const scene = await Scene.open(t)
  scene.refuseBad()
  const good = lineOf(1)
  const bad = lineOf(2, { bad: true })
  const odd = `${bad.slice(0, -1)},"x":"\uD800"}`
  writeLetters(scene.dead, [good, bad, good, odd, bad, good].map((line, n) => letterOf(line, { attempts: 10 * n + 10 })))
  const { code, stderr } = await scene.replay()
  t.equal(code, 1)
  t.match(stderr, 'delivered 3 of 6 lines, 3 refused')
  t.same(scene.left.map(({ line }) => line), [bad, odd, bad])
  t.ok(scene.left.every(({ attempts }, n) => Math.floor(attempts / 10) === [2, 4, 5][n]), 'each has its own attempts')
})

t.test('two runs do not meet: the second says who is at it', async t => {
  const scene = await Scene.open(t)
  writeLetters(scene.dead, [letterOf(lineOf(0))])
  let release: () => void = () => {}
  scene.backend.answer = response => { release = () => response.writeHead(204).end() }
  const first = await scene.replay([], scene.dead, async child => {
    await until(() => scene.backend.requests.length === 1)
    appendFileSync(scene.dead, `${letterOf(lineOf(1))}\n`)
    const second = await scene.replay()
    t.equal(second.code, 2)
    t.match(second.stderr, `${scene.dead}: is being replayed by process ${child.pid}\n`)
    release()
  })
  t.equal(first.code, 0, first.stderr)
  t.same(scene.left.map(({ line }) => (JSON.parse(line) as Line).id), [1])
})

t.test('the spool of an app that is gone is delivered in order, and is empty then', async t => {
  const scene = await Scene.open(t)
  const { folder, lines } = scene.writeSpool(5000)
  const { code, stderr } = await scene.replay([], folder)
  t.equal(code, 0, stderr)
  t.equal(stderr, 'delivered 5000 of 5000 lines; nothing is left\n')
  t.equal(scene.backend.requests.map(({ body }) => body).join(''), lines.map(line => `${line}\n`).join(''))
  t.same(readdirSync(folder).filter(name => name.endsWith('.ndjson') || name.startsWith('lock')), [])
})

t.test('a spool keeps what a backend that is down does not take', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(1000)
  scene.backend.answer = response => { response.writeHead(503).end() }
  const down = await scene.replay(['--timeout', '1'], folder)
  t.equal(down.code, 1)
  t.match(down.stderr, `delivered 0 of 1000 lines; 1000 lines left in ${folder}\n`)
  scene.backend.requests.length = 0
  scene.backend.answer = response => { response.writeHead(204).end() }
  t.equal((await scene.replay([], folder)).code, 0)
  t.same(scene.arrived, numbers(1000))
})

t.test('lines of a spool that are refused go to the dead letters of the target, or beside the spool', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(20)
  appendFileSync(join(folder, '0000000002.ndjson'), `${lineOf(20, { bad: true })}\n`)
  scene.refuseBad()
  const beside = await scene.replay([], folder)
  t.equal(beside.code, 1)
  t.match(beside.stderr, `backend: refused 1 line: see ${folder}.refused.ndjson\ndelivered 20 of 21 lines, 1 refused; nothing is left\n`)
  t.equal((JSON.parse(readFileSync(`${folder}.refused.ndjson`, 'utf8')) as DeadLetter).line, lineOf(20, { bad: true }))

  scene.configure({ targets: [{ ...scene.target('backend'), deadLetter: { path: scene.dead } }] })
  writeFileSync(join(folder, '0000000009.ndjson'), `${lineOf(21)}\n${lineOf(22, { bad: true })}\n`)
  t.equal((await scene.replay([], folder)).code, 1)
  t.same(scene.left.map(({ line }) => line), [lineOf(22, { bad: true })])
})

t.test('a line of a spool that is refused and cannot be kept ends it at once, and stays in the spool', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(20)
  appendFileSync(join(folder, '0000000002.ndjson'), `${lineOf(20, { bad: true })}\n`)
  scene.refuseBad()
  mkdirSync(`${folder}.refused.ndjson`)
  const { code, stderr } = await scene.replay([], folder)
  t.equal(code, 1)
  t.match(stderr, `${folder}.refused.ndjson: a line that was refused cannot be kept: `)
  scene.backend.answer = response => { response.writeHead(204).end() }
  scene.backend.requests.length = 0
  t.equal((await scene.replay([], folder)).code, 0)
  t.equal(idsOf(scene.backend.requests.map(({ body }) => body).join('')).at(-1), 20)
})

t.test('a dry run counts what waits in a spool, without a lock, and touches nothing', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(10)
  const before = stateOf(scene.dir)
  const { code, stdout } = await scene.replay(['--dry-run'], folder)
  t.equal(code, 0)
  t.match(stdout, 'would send 10 lines\n')
  t.same(stateOf(scene.dir), before)
})

t.test('of a spool only what is behind its cursor counts, and a damaged line is told', async t => {
  const scene = await Scene.open(t)
  const { folder, lines } = scene.writeSpool(10)
  writeFileSync(join(folder, '0000000003.ndjson'), `${lineOf(10)}\n{"level":30,"da\n${lineOf(11)}\n`)
  writeFileSync(join(folder, 'cursor.json'), encodeCursor({ segment: 2, offset: Buffer.byteLength(`${lines[5]}\n`) }))
  const dry = await scene.replay(['--dry-run', '--filter', 'level=30'], folder)
  t.match(dry.stdout, 'would send 6 lines; 1 line left by the filter\n')
  const { code, stderr } = await scene.replay([], folder)
  t.equal(code, 1)
  t.match(stderr, `1 line damaged: see the quarantine in ${folder}\ndelivered 6 of 7 lines, 1 damaged; nothing is left\n`)
  t.same(scene.arrived, [6, 7, 8, 9, 10, 11])
})

t.test('a spool that is in use is left alone, and its user is named', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(10)
  const user = new SpoolUser({ folder })
  t.teardown(() => user.kill())
  await user.until(messages => messages.some(({ opened }) => opened !== undefined))
  const { code, stderr } = await scene.replay([], folder)
  t.equal(code, 2)
  t.match(stderr, `${folder}: is in use by process ${user.pid}\n`)
  t.equal(scene.backend.requests.length, 0)
})

t.test('all slots of a spool are sent, one after another, but for those that are in use', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(4)
  for (const [slot, ids] of [[2, [10, 11]], [3, [20, 21]]] as const) {
    mkdirSync(`${folder}.${slot}`)
    writeFileSync(join(`${folder}.${slot}`, '0000000001.ndjson'), ids.map(id => `${lineOf(id)}\n`).join(''))
  }
  const user = new SpoolUser({ folder: `${folder}.2` })
  t.teardown(() => user.kill())
  await user.until(messages => messages.length > 0)
  t.match((await scene.replay(['--dry-run'], folder)).stdout, 'would send 8 lines')
  const first = await scene.replay([], folder)
  t.equal(first.code, 1)
  t.match(first.stderr, `${folder}.2: is in use by process ${user.pid}, and is skipped\n`)
  t.same(scene.arrived, [0, 1, 2, 3, 20, 21])
  t.same(readdirSync(dirname(folder)).sort(), ['backend', 'backend.2'], 'a slot that is empty is gone')

  await user.end()
  const second = await scene.replay(['--filter', 'level>=info'], folder)
  t.equal(second.code, 0, second.stderr)
  t.same(scene.arrived, [0, 1, 2, 3, 20, 21, 10, 11])
})

t.test('one slot is sent alone, also if the first is gone', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(2)
  renameSync(folder, `${folder}.3`)
  t.match((await scene.replay(['--dry-run'], `${folder}.3`)).stdout, 'would send 2 lines')
  const { code, stderr } = await scene.replay([], folder)
  t.equal(code, 0, stderr)
  t.same(scene.arrived, [0, 1])
})

t.test('slots are not begun once their target is given up', async t => {
  const scene = await Scene.open(t)
  const { folder } = scene.writeSpool(2)
  cpSync(folder, `${folder}.2`, { recursive: true })
  scene.backend.answer = response => { response.writeHead(503).end() }
  const { code, stderr } = await scene.replay(['--timeout', '1'], folder)
  t.equal(code, 1)
  t.match(stderr, `not started: ${folder}.2\n`)
})

t.test('what is wrong with a call is said, with what is allowed', async t => {
  const scene = await Scene.open(t)
  writeLetters(scene.dead, [letterOf(lineOf(0), { sink: 'loki' })])
  scene.configure({ targets: [scene.target('backend'), scene.target('other')] })
  const wrong = async (args: readonly string[], message: string, path = scene.dead): Promise<void> => {
    const { code, stderr } = await scene.replay(args, path)
    t.equal(code, 2, message)
    t.match(stderr, message)
  }
  await wrong([], 'has 1 line of "loki", which is no target of the config; choose one with --target: backend, other')
  await wrong(['--target', 'bakend'], '--target bakend: there is no such target, expected one of backend, other; did you mean "backend"?')
  await wrong(['--filter', 'level>=eror'], 'there is no level "eror"')
  await wrong([], 'there is no such file or folder, expected a dead-letter file or the spool folder of a target', join(scene.dir, 'none'))
  const { folder } = scene.writeSpool(1)
  await wrong([], `has the spools of several targets, expected one of ${folder}`, join(scene.dir, 'spool'))
  await wrong([], 'is no spool folder', scene.dir)
  mkdirSync(join(scene.dir, 'x.replaying'))
  await wrong([], 'give that path, whether the file exists or not', join(scene.dir, 'x.replaying'))
  await wrong([], 'is neither a file nor a folder', '/dev/null')
  scene.configure({ targets: [{ ...scene.target('backend'), writeTimeout: 1 }] })
  await wrong([], 'config.json: ERR_FANOUT_OPTIONS: targets[0].writeTimeout: unknown option; did you mean "writeTimeoutMs"?')
  t.ok(existsSync(scene.dead))
})
