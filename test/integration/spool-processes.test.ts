import t from 'tap'
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockNameOf } from '#lib/spool/lock'
import { systemOwners } from '#lib/spool/owner'
import { createRandom } from '../support/random.js'
import { hasContainers, SpoolUser, type SpoolMessage, type SpoolPlan } from '../support/spool-user.js'

const KILLS = Number(process.env['SPOOL_KILLS'] ?? 20)
const SLOT_KILLS = Number(process.env['SLOT_KILLS'] ?? 12)
const SEED = Number(process.env['SPOOL_SEED'] ?? Date.now() % 1e9)

t.test('a second process is told that the first has the spool, and takes it over when that one is killed', async t => {
  const folder = join(t.testdir(), 'spool')
  const first = new SpoolUser({ folder, appends: 50 })
  t.teardown(() => first.kill())
  await first.until(messages => messages.some(({ written }) => written === 50))
  const second = new SpoolUser({ folder, appends: 1 })
  t.teardown(() => second.kill())
  await second.until(messages => messages.length > 0)
  t.same(second.messages, [{ hindered: { kind: 'locked', pid: first.pid } }])

  await first.kill()
  await second.until(messages => messages.some(({ opened }) => opened !== undefined))
  t.match(second.messages[1], { opened: { lines: 50, cutBytes: 0 } })
  t.equal(readdirSync(folder).filter(name => name.startsWith('lock')).length, 1)
  await second.end()
  t.equal(readdirSync(folder).filter(name => name.startsWith('lock')).length, 0)
})

t.test('a lock of another boot, of a process that is gone, or of one whose number is in use again, is taken over', async t => {
  const self = systemOwners.self()
  const elsewhere = { ...self, bootId: '00000000-0000-0000-0000-000000000000' }
  const stale = [elsewhere, { ...self, pid: 4194304, thread: 4194304 }, { ...self, startTime: self.startTime - 1 }]
  for (const owner of self.bootId !== 'unknown' ? stale : stale.slice(1, 2)) {
    const folder = t.testdir({ [lockNameOf(owner)]: '' })
    // A lock of another boot may be one of another container, which touches it.
    if (owner === elsewhere) utimesSync(join(folder, lockNameOf(owner)), Date.now() / 1000 - 61, Date.now() / 1000 - 61)
    const user = new SpoolUser({ folder })
    await user.until(messages => messages.length > 0)
    t.match(user.messages, [{ opened: { lines: 0 } }])
    t.notOk(readdirSync(folder).includes(lockNameOf(owner)))
    await user.end()
  }
})

t.test('processes in two containers that share a spool have a slot each, and what a killed one leaves is adopted once its lock is a minute old', { skip: !hasContainers() && 'no container may be made here', timeout: 120000 }, async t => {
  const dir = t.testdir({ delivered: '' })
  const folder = join(dir, 'spools', 'loki')
  const first = new SpoolUser({ folder, life: 1, appends: 300, hasSlots: true }, { isInContainer: true })
  t.teardown(() => first.kill())
  await first.until(messages => messages.some(({ written }) => written === 300))
  const second = new SpoolUser({ folder, life: 2, reads: true, delivered: join(dir, 'delivered'), hasSlots: true }, { isInContainer: true })
  t.teardown(() => second.kill())
  await second.until(messages => messages.some(({ opened }) => opened !== undefined))
  const locksIn = (slot: string): string[] => readdirSync(join(dir, 'spools', slot)).filter(name => name.startsWith('lock'))
  t.same([locksIn('loki').length, locksIn('loki.2').length], [1, 1])

  await first.kill()
  const left = join(folder, locksIn('loki')[0] as string)
  const aMinuteAgo = Date.now() / 1000 - 61
  utimesSync(left, aMinuteAgo, aMinuteAgo)
  await second.until(messages => messages.reduce((sum, { delivered = 0 }) => sum + delivered, 0) === 300)
  t.match(second.messages.find(({ adopted }) => adopted !== undefined), { adopted: 1 })
  await second.end()
})

t.test(`killed ${KILLS} times at random, a spool delivers every line that was on the disk, in order, and nothing else`, { timeout: 1200000 }, async t => {
  t.comment(`SPOOL_SEED=${SEED}`)
  const random = createRandom(SEED)
  const dir = t.testdir({ delivered: '' })
  const [folder, delivered] = [join(dir, 'spool'), join(dir, 'delivered')]
  const writtenOf = (life: number): string => join(dir, `written-${life}`)
  let read = 0
  const has = new Set<string>()

  /** Takes in what has been delivered since: within a life each line comes once, after those before it. */
  const collect = (): void => {
    const text = readFileSync(delivered, 'utf8').slice(read)
    // A process that was killed as it wrote to the file has not settled what it was writing.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    let last = [-1, -1]
    for (const line of whole.split('\n').slice(0, -1)) {
      const { life, n, x } = JSON.parse(line) as { life: number, n: number, x: string }
      assert.equal(x, 'x'.repeat(n * 37 % 300), 'a line is as it was')
      assert.ok(life > (last[0] as number) || (life === last[0] && n > (last[1] as number)), 'lines are in order')
      last = [life, n]
      has.add(`${life}:${n}`)
    }
    read += text.length
    if (whole !== text) {
      writeFileSync(delivered, '\n', { flag: 'a' })
      read++
    }
  }

  for (let life = 0; life < KILLS; life++) {
    writeFileSync(writtenOf(life), ' '.repeat(9))
    const user = new SpoolUser({ folder, life, delivered, written: writtenOf(life), appends: 1e6, reads: random() < 0.7 })
    const messages = 1 + Math.floor(random() ** 2 * 120)
    await user.until(told => told.length >= messages)
    await user.kill()
    collect()
  }

  const last = new SpoolUser({ folder, life: KILLS, delivered, reads: true })
  await last.until(messages => {
    const lines = messages.find(({ opened }) => opened !== undefined)?.opened?.lines
    return lines !== undefined && messages.reduce((sum, { delivered = 0 }) => sum + delivered, 0) === lines
  })
  await last.end()
  collect()
  let lines = 0
  for (let life = 0; life < KILLS; life++) {
    const written = Number(readFileSync(writtenOf(life), 'utf8'))
    for (let n = 0; n < written; n++) assert.ok(has.has(`${life}:${n}`), `line ${life}:${n} of ${written} is missing`)
    lines += written
  }
  t.comment(`${lines} lines were on the disk`)
  t.ok(lines > KILLS, 'there were lines to lose')
  t.same(readdirSync(folder).filter(name => name !== 'cursor.json' && !name.startsWith('id.')), [], 'nothing is left, and nothing was damaged')
})

t.test(`four processes share a spool, and one of them is killed ${SLOT_KILLS} times: one that is left delivers all, in order within each slot`, { timeout: 1800000 }, async t => {
  t.comment(`SPOOL_SEED=${SEED}`)
  const random = createRandom(SEED + 1)
  const dir = t.testdir()
  const folder = join(dir, 'spools', 'loki')
  let lives = 0
  const start = (plan: Partial<SpoolPlan>): SpoolUser => {
    const life = lives++
    const [written, delivered] = [join(dir, `written-${life}`), join(dir, `delivered-${life}`)]
    writeFileSync(written, ' '.repeat(9))
    writeFileSync(delivered, '')
    const user = new SpoolUser({ folder, life, written, delivered, hasSlots: true, ...plan })
    t.teardown(() => user.kill())
    return user
  }
  // With few segments a busy machine has counted in time what is left of hundreds of lives.
  const startOne = (): SpoolUser => start({ appends: 1e6, reads: random() < 0.7, settings: { segmentBytes: 65536 } })

  const folders = (): string => readdirSync(join(dir, 'spools')).map(name => {
    const files = readdirSync(join(dir, 'spools', name))
    return `${name}: ${files.length} files, ${files.filter(file => file.startsWith('lock')).join(' and ')}`
  }).join('; ')

  const users = Array.from({ length: 4 }, startOne)
  await Promise.all(users.map(user => user.until(messages => messages.some(({ opened }) => opened !== undefined))))
  const slots = readdirSync(join(dir, 'spools')).filter(name => readdirSync(join(dir, 'spools', name)).some(file => file.startsWith('lock')))
  t.ok(slots.length >= 4, `four that start at once have a slot each: ${slots.join(', ')}`)
  for (let kill = 0; kill < SLOT_KILLS; kill++) {
    const at = Math.floor(random() * users.length)
    const user = users[at] as SpoolUser
    const messages = user.messages.length + Math.floor(random() ** 2 * 100)
    await user.until(told => told.length >= messages).catch((error: Error) => {
      throw new Error(`process ${user.pid}: ${error.message}; ${folders()}`)
    })
    await user.kill()
    users[at] = startOne()
  }
  await Promise.all(users.map(async user => {
    await user.until(told => told.some(({ opened }) => opened !== undefined))
    await user.kill()
  }))

  // One that is killed as it sends what others have left, and one that sends the rest.
  const isAdopting = (messages: readonly SpoolMessage[]): boolean => messages.some(({ adopted }) => adopted !== undefined)
  const adopter = start({ reads: true })
  await adopter.until(isAdopting)
  await adopter.kill()
  const last = start({ reads: true })
  const deadline = Date.now() + 300000
  while (readdirSync(join(dir, 'spools')).length > 1 || readdirSync(folder).some(name => name.endsWith('.ndjson'))) {
    assert.ok(Date.now() < deadline, folders())
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  await last.end()

  const has = new Set<string>()
  for (let reader = 0; reader < lives; reader++) {
    const text = readFileSync(join(dir, `delivered-${reader}`), 'utf8')
    const next = new Map<number, number>()
    // One that was killed as it wrote a line has not settled it.
    for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n').slice(0, -1)) {
      const { life, n, x } = JSON.parse(line) as { life: number, n: number, x: string }
      assert.equal(x, 'x'.repeat(n * 37 % 300), 'a line is as it was')
      assert.ok(n >= (next.get(life) ?? 0), `lines of life ${life} are in order`)
      next.set(life, n + 1)
      has.add(`${life}:${n}`)
    }
  }
  let lines = 0
  for (let life = 0; life < lives; life++) {
    const written = Number(readFileSync(join(dir, `written-${life}`), 'utf8'))
    for (let n = 0; n < written; n++) assert.ok(has.has(`${life}:${n}`), `line ${life}:${n} of ${written} is missing`)
    lines += written
  }
  t.ok(lines > SLOT_KILLS, `${lines} lines were on the disk`)
  t.same(readdirSync(folder).filter(name => name !== 'cursor.json' && !name.startsWith('id.')), [], 'nothing is left, and nothing was damaged')
})
