import t, { type Test } from 'tap'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import type { DeadLetter, FanoutOptions, TargetOptions } from 'pino-breaker-fanout'
import { openFanout, until } from '../support/fanout-rig.js'
import { mountSmallDisk } from '../support/small-disk.js'

const PROCESSES = 4
const LIMIT_MS = 120000

interface Plan { options: FanoutOptions, process: number, lines: number, bad?: number, bytes?: number, stays?: boolean }
interface Line { process: number, n: number, text: string, component?: string }

/** Starts a process with the fixture, and waits until its transport is ready. */
async function start (t: Test, plan: Plan): Promise<ChildProcess> {
  const child = fork(resolve('test/fixtures/app-of-many.mjs'), [JSON.stringify(plan)])
  t.teardown(() => { child.kill('SIGKILL') })
  await once(child, 'message')
  return child
}

/** Lets processes log at the same time, each with its number, and waits for their ends. */
async function logTogether (t: Test, plan: Omit<Plan, 'process'>): Promise<void> {
  const children = await Promise.all(Array.from({ length: PROCESSES }, async (_, process) => await start(t, { ...plan, process })))
  const ends = children.map(async child => await once(child, 'exit'))
  for (const child of children) child.send('go')
  for (const end of ends) t.same(await end, [0, null])
}

/** The app's own lines in a text; each must be whole. */
function linesIn (text: string): Line[] {
  t.ok(text === '' || text.endsWith('\n'), 'the last line is whole')
  return text.split('\n').slice(0, -1).map(line => JSON.parse(line) as Line).filter(({ component }) => component === undefined)
}

function keysOf (lines: readonly Line[]): string[] {
  return lines.map(({ process, n }) => `${process}:${n}`).sort()
}

function allKeys (lines: number, isWanted: (n: number) => boolean = () => true): string[] {
  return Array.from({ length: PROCESSES }, (_, process) => Array.from({ length: lines }, (_, n) => n).filter(isWanted).map(n => `${process}:${n}`)).flat().sort()
}

/** A backend that takes each line but those that are `bad`. */
async function openBackend (t: Test): Promise<{ url: string, lines: Line[] }> {
  const lines: Line[] = []
  const server = createServer(async (request, response) => {
    const posted = Buffer.concat(await request.toArray() as Buffer[]).toString().split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Line & { bad?: boolean })
    lines.push(...posted.filter(({ bad, component }) => bad !== true && component === undefined))
    const refused = posted.flatMap(({ bad }, line) => bad === true ? [{ line, reason: 'bad', status: 400 }] : [])
    if (refused.length === 0) response.writeHead(204).end()
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ refused, retry: [] }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, lines }
}

function refusingTarget (url: string, path: string): TargetOptions {
  return { name: 'backend', target: resolve('test/fixtures/sink-tells-of-refusals.js'), options: { url }, deadLetter: { path } }
}

t.setTimeout(3 * LIMIT_MS)

for (const isolation of ['inline', 'thread'] as const) {
  t.test(`several processes log to one file: each line is whole, and there once (${isolation})`, async t => {
    const destination = join(t.testdir(), 'app.log')
    await logTogether(t, { options: { targets: [{ target: 'pino/file', options: { destination }, isolation }] }, lines: 3000 })
    const lines = linesIn(readFileSync(destination, 'utf8'))
    t.same(keysOf(lines), allKeys(3000))
    t.ok(lines.every(({ n, text }) => text.length === n * 7919 % 3000))
    const changes = lines.filter(({ process }, at) => process !== lines[at - 1]?.process).length
    t.ok(changes > PROCESSES, `they wrote at the same time: ${changes} changes`)
  })
}

t.test('dead letters of several processes share a file: each record is whole, and there once', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  const { url, lines } = await openBackend(t)
  await logTogether(t, { options: { targets: [refusingTarget(url, path)], diagnostics: false }, lines: 1000, bad: 5 })
  const isBad = (n: number): boolean => n % 5 === 4
  const letters = readFileSync(path, 'utf8').split('\n').slice(0, -1).map(record => JSON.parse(record) as DeadLetter)
  t.same(keysOf(letters.map(({ line }) => JSON.parse(line) as Line)), allKeys(1000, isBad))
  t.same(keysOf(lines), allKeys(1000, n => !isBad(n)))
})

t.test('dead letters of several processes exceed the limit of their file by one append of each at most, and whole records stay', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  const { url, lines } = await openBackend(t)
  const maxBytes = 100000
  await logTogether(t, { options: { targets: [{ ...refusingTarget(url, path), deadLetter: { path, maxBytes }, batch: { maxBytes: 16384 } }], diagnostics: false }, lines: 1000, bad: 5 })
  const text = readFileSync(path, 'utf8')
  t.same(keysOf(lines), allKeys(1000, n => n % 5 !== 4))
  t.doesNotThrow(() => text.split('\n').slice(0, -1).forEach(record => JSON.parse(record)))
  // A record holds its line as a text, in which quotes have a backslash.
  t.ok(text.length > maxBytes / 2 && text.length <= maxBytes + (PROCESSES - 1) * 2 * 16384, `${text.length} bytes`)
})

t.test('a line that a killed process has cut off does not spoil the first line of the next process', async t => {
  for (const isolation of ['inline', 'thread', 'process'] as const) {
    const destination = join(t.testdir(), 'app.log')
    writeFileSync(destination, '{"process":9,"n":0}\n{"process":9,"n')
    const fanout = openFanout({ targets: [{ target: 'pino/file', options: { destination }, isolation }] }, { base: { process: 1 } })
    fanout.log.info({ n: 1 })
    await fanout.close()
    const [whole, torn, ...lines] = readFileSync(destination, 'utf8').split('\n')
    t.same([whole, torn], ['{"process":9,"n":0}', '{"process":9,"n'], isolation)
    t.same(keysOf(linesIn(lines.join('\n'))), ['1:1'])
  }
})

t.test('a line that another process cuts off while this one runs spoils the next line of this one, and none after it', async t => {
  const destination = join(t.testdir(), 'app.log')
  const fanout = openFanout({ targets: [{ name: 'file', target: 'pino/file', options: { destination } }], diagnostics: false }, { base: { process: 1 } })
  const log = async (n: number): Promise<void> => {
    fanout.log.info({ n })
    await fanout.sinkWhen('file', ({ linesDelivered }) => linesDelivered === n, 'the line to be written')
  }
  await log(1)
  appendFileSync(destination, '{"process":9,"n')
  for (const n of [2, 3, 4]) await log(n)
  await fanout.close()
  const [first, spoiled, ...lines] = readFileSync(destination, 'utf8').split('\n')
  t.same(keysOf(linesIn(`${first}\n${lines.join('\n')}`)), ['1:1', '1:3', '1:4'])
  t.match(spoiled, /^{"process":9,"n{.*"n":2}$/)
})

t.test('a file that is emptied at the start, and one that a pipeline writes, are left as they are', async t => {
  const dir = t.testdir({ emptied: 'torn', piped: 'torn' })
  const fanout = openFanout({
    targets: [
      { name: 'emptied', target: 'pino/file', options: { destination: join(dir, 'emptied'), append: false } },
      { name: 'piped', pipeline: [{ target: resolve('test/fixtures/transform-shouts.js'), options: { mark: '!' } }, { target: 'pino/file', options: { destination: join(dir, 'piped') } }] }
    ]
  }, { base: { process: 1 } })
  fanout.log.info({ n: 1 }, 'a')
  await fanout.close()
  t.same(keysOf(linesIn(readFileSync(join(dir, 'emptied'), 'utf8'))), ['1:1'])
  t.match(readFileSync(join(dir, 'piped'), 'utf8'), /^torn\{"level":30/)
})

t.test('a line that a full disk has cut off is completed once there is room: every line is there once, whole', async t => {
  const dir = mountSmallDisk(t, 64)
  if (dir === undefined) return t.pass('no disk may be mounted here')
  const destination = join(dir, 'app.log')
  const fanout = openFanout({ targets: [{ name: 'file', target: 'pino/file', options: { destination }, breaker: { failureThreshold: 1, recoveryTimeoutMs: 100 } }], diagnostics: false }, { base: { process: 0 } })
  writeFileSync(join(dir, 'other'), 'x'.repeat(20000))
  for (let n = 0; n < 500; n++) fanout.log.info({ n, text: 'x'.repeat(53) })
  await fanout.transitionTo('file', 'open')
  t.notOk(readFileSync(destination, 'utf8').endsWith('\n'), 'a line was cut off')
  rmSync(join(dir, 'other'))
  await fanout.sinkWhen('file', ({ linesDelivered, state }) => state === 'closed' && linesDelivered === 500, 'all lines to arrive')
  await fanout.close()
  t.same(keysOf(linesIn(readFileSync(destination, 'utf8'))), Array.from({ length: 500 }, (_, n) => `0:${n}`).sort())
})

t.test('two transports of one process with the same options share files and dead letters, and the monitor\'s port is told to be in use', async t => {
  const dir = t.testdir()
  const [file, path] = [join(dir, 'app.log'), join(dir, 'dead.ndjson')]
  const { url, lines } = await openBackend(t)
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  free.close()
  await once(free, 'close')
  const options: FanoutOptions = { targets: [{ name: 'file', target: 'pino/file', options: { destination: file } }, refusingTarget(url, path)], monitor: { port }, diagnostics: { to: ['file'] } }
  const first = openFanout(options, { base: { process: 0 } })
  await once(first.transport, 'monitor')
  const second = openFanout(options, { base: { process: 1 } })
  for (let n = 0; n < 500; n++) for (const { log } of [first, second]) log.info({ n, ...n % 5 === 4 && { bad: true } })
  await Promise.all([first, second].map(async ({ sinkWhen }) => await sinkWhen('backend', ({ linesDelivered, linesDeadLettered }) => linesDelivered + linesDeadLettered >= 500, 'all lines')))
  await Promise.all([first.close(), second.close()])

  const records = readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line) as Line & { msg?: string, err?: { code: string } })
  const twice = (isWanted: (n: number) => boolean): string[] => [0, 1].flatMap(process => Array.from({ length: 500 }, (_, n) => n).filter(isWanted).map(n => `${process}:${n}`)).sort()
  t.same(keysOf(records.filter(({ component }) => component === undefined)), twice(() => true))
  t.same(keysOf(lines), twice(n => n % 5 !== 4))
  const letters = readFileSync(path, 'utf8').split('\n').slice(0, -1).map(record => JSON.parse(record) as DeadLetter)
  t.same(keysOf(letters.map(({ line }) => JSON.parse(line) as Line)), twice(n => n % 5 === 4))
  t.match(records.filter(({ msg }) => msg === 'monitor not available'), [{ err: { code: 'EADDRINUSE' } }])
})

t.test('a process that is running sends what a killed one has left', async t => {
  const dir = t.testdir()
  const { url, lines } = await openBackend(t)
  const optionsFor = (url: string): FanoutOptions => ({ targets: [{ name: 'backend', target: resolve('test/fixtures/sink-posts.js'), options: { url }, whenOpen: 'spool', spool: { dir: join(dir, 'spool') }, breaker: { failureThreshold: 1, recoveryTimeoutMs: 100 } }], diagnostics: false })
  const running = openFanout(optionsFor(url), { base: { process: 0 } })
  await once(running.transport, 'ready')
  // The other process's backend is not there.
  const child = await start(t, { options: optionsFor('http://127.0.0.1:9/'), process: 1, lines: 500, bytes: 10, stays: true })
  child.send('go')
  const slot = join(dir, 'spool', 'backend.2')
  const spooled = (): string => !existsSync(slot) ? '' : readdirSync(slot).filter(name => name.endsWith('.ndjson')).map(name => readFileSync(join(slot, name), 'utf8')).join('')
  await until(() => spooled().split('\n').length === 501, 'the lines to be on the disk')
  child.kill('SIGKILL')
  await once(child, 'exit')
  await until(() => lines.length >= 500, 'the running process to send them', 60000)
  await until(() => !existsSync(slot), 'the slot to be removed', 60000)
  await running.close()
  t.same(keysOf(lines), Array.from({ length: 500 }, (_, n) => `1:${n}`).sort())
})
