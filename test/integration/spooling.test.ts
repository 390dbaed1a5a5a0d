import t, { type Test } from 'tap'
import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import pino from 'pino'
import { accountedLines, openFanout, until, type FanoutRig } from '../support/fanout-rig.js'
import { readLogFile } from '../support/log-file.js'
import { createRandom } from '../support/random.js'
import { runProcess } from '../support/run-process.js'
import { mountSmallDisk } from '../support/small-disk.js'

const KILLS = Number(process.env['APP_KILLS'] ?? 4)
const TERMINATIONS = Number(process.env['APP_TERMINATIONS'] ?? 4)
const SEED = Number(process.env['APP_SEED'] ?? Date.now() % 1e9)
const SINK = resolve('test/fixtures/sink-posts.js')
const BREAKER = { failureThreshold: 2, recoveryTimeoutMs: 200 }

interface Collector { process: ChildProcess, file: string, url: string }

/** A server in a process of its own, and the file that gets what was posted to it. */
async function startCollector (t: Test, fixture: string, ...args: string[]): Promise<Collector> {
  const file = join(t.testdir({ collected: '' }), 'collected')
  const server = fork(resolve(`test/fixtures/${fixture}.js`), [file, ...args])
  t.teardown(() => { server.kill('SIGKILL') })
  const [port] = await once(server, 'message') as [number]
  return { process: server, file, url: `http://127.0.0.1:${port}/` }
}

function log (fanout: FanoutRig, from: number, to: number, pad = ''): void {
  for (let id = from; id < to; id++) fanout.log.info({ id, pad })
}

function range (from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

/** In each snapshot every line is in exactly one place. */
function checkSums (t: Test, fanout: FanoutRig): void {
  const wrong = fanout.snapshots.flatMap(({ sinks }) => sinks).filter(sink => accountedLines(sink) !== sink.linesReceived)
  t.same(wrong, [], `in ${fanout.snapshots.length} snapshots every line is in one place`)
}

t.test('an outage and a restart cost no line: what was spooled is delivered by the next life, and new lines come behind it', async t => {
  const { process: server, file, url } = await startCollector(t, 'collector', '0')
  const target = { name: 'collector', target: SINK, options: { url }, whenOpen: 'spool' as const, spool: { dir: join(t.testdirName, 'spool') }, breaker: BREAKER }
  server.kill('SIGKILL')
  await once(server, 'exit')
  const first = openFanout({ targets: [target], diagnostics: false })
  log(first, 0, 2000)
  await first.sinkWhen('collector', sink => sink.state === 'open' && sink.linesReceived === 2000, 'the lines to come in')
  await first.close()
  t.match(first.snapshots.at(-1)?.sinks[0], { spoolLines: 2000, queueLines: 0, unsettledLines: 0 })
  t.same(first.snapshots.at(-1)?.sinks[0]?.linesDropped, {})
  t.equal(readdirSync(join(target.spool.dir, 'collector')).filter(name => name.startsWith('lock')).length, 0)
  checkSums(t, first)

  const again = fork(resolve('test/fixtures/collector.js'), [file, new URL(url).port])
  t.teardown(() => { again.kill('SIGKILL') })
  await once(again, 'message')
  const second = openFanout({ targets: [target], diagnostics: false })
  log(second, 2000, 3000)
  await second.sinkWhen('collector', sink => sink.linesDelivered === 3000, 'all lines to arrive')
  await second.close()
  t.same(readLogFile(file).ids, range(0, 3000))
  checkSums(t, second)
})

t.test('the app\'s log tells of the spool: what was recovered, what others have left, and that it is empty again; a second transport has a slot of its own', async t => {
  const { file, url } = await startCollector(t, 'collector', '0')
  const [healthy, dir] = [join(t.testdirName, 'app.log'), join(t.testdirName, 'spool')]
  const options = (destination: string): Parameters<typeof openFanout>[0] => ({
    targets: [{ target: 'pino/file', options: { destination } }, { name: 'collector', target: SINK, options: { url }, whenOpen: 'spool', spool: { dir }, breaker: BREAKER }]
  })
  for (const [index, slot] of ['collector', 'collector.2'].entries()) {
    mkdirSync(join(dir, slot), { recursive: true })
    writeFileSync(join(dir, slot, '0000000001.ndjson'), `{"id":${2 * index}}\n{"id":${2 * index + 1}}\n`)
  }
  const first = openFanout(options(healthy))
  await first.sinkWhen('collector', sink => sink.linesReceived === 4 && sink.linesDelivered === 4, 'the recovered lines to arrive')
  await until(() => readdirSync(dir).length === 1, 'the slot to be removed')
  const second = openFanout(options(join(t.testdirName, 'second.log')))
  log(second, 10, 20)
  await second.sinkWhen('collector', sink => sink.linesDelivered === 10, 'lines to arrive')
  t.same(readdirSync(dir).sort(), ['collector', 'collector.2'])
  await first.close()
  await second.close()
  const messages = (path: string): string[] => readLogFile(path).diagnostics.map(({ msg }) => msg)
  // So few lines are no reason to wait: between the two there may be, or not, a moment with none left.
  t.same(messages(healthy).filter((msg, index) => index !== 1 || msg !== 'sink spool replayed'), ['sink spool recovered', 'sink spool adopted', 'sink spool replayed'])
  t.same(messages(join(t.testdirName, 'second.log')), [])
  t.same(readLogFile(file).ids, [...range(0, 4), ...range(10, 20)])
  t.same(readdirSync(dir), ['collector'])
  checkSums(t, first)
})

t.test(`an app that is killed ${KILLS} times while it spools and replays loses no line that was synced, and none is torn`, { timeout: 1800000 }, async t => {
  await killAgainAndAgain(t, ['150'], { mode: 'always' })
})

t.test(`so it is with one whose backend hangs, and whose queue is full again and again before its breaker opens, killed ${KILLS} times`, { timeout: 1800000 }, async t => {
  await killAgainAndAgain(t, ['150', 'hangs'], { mode: 'open', queue: { maxLines: 100, blockTimeoutMs: 0 }, portions: [20, 200, 100] })
})

async function killAgainAndAgain (t: Test, behaviour: string[], settings: object): Promise<void> {
  t.comment(`APP_SEED=${SEED}`)
  const random = createRandom(SEED)
  const { process: server, file, url } = await startCollector(t, 'collector-flaps', ...behaviour)
  const dir = join(t.testdirName, 'spool')
  const safeOf = (life: number): string => join(t.testdirName, `safe-${life}`)
  const plan = (life: number, more = {}): string[] => [resolve('test/fixtures/app-spools.js'), JSON.stringify({ url, sink: SINK, dir, life, safe: safeOf(life), ...settings, ...more })]

  for (let life = 0; life < KILLS; life++) {
    writeFileSync(safeOf(life), '0'.padStart(9))
    const least = 50 + Math.floor(random() ** 2 * 3000)
    await runProcess(process.execPath, plan(life), {
      cwd: process.cwd(),
      limitMs: 60000,
      during: async child => {
        await until(() => Number(readFileSync(safeOf(life), 'utf8')) >= least || child.exitCode !== null, 'lines to be safe', 50000)
        child.kill('SIGKILL')
      }
    })
  }
  server.send('stay')
  const { code, stderr } = await runProcess(process.execPath, plan(KILLS, { lines: 1 }), { cwd: process.cwd(), limitMs: 120000 })
  t.equal(code, 0, stderr)

  const seen = Array.from({ length: KILLS + 1 }, () => new Set<number>())
  let last = [-1, -1]
  let total = 0
  for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
    const { life, n, x } = JSON.parse(line) as { life: number, n: number, x: string }
    assert.equal(x, 'x'.repeat(n * 37 % 300), 'a line is as it was')
    total++
    if (seen[life]?.has(n) === true) continue
    assert.ok(life > (last[0] as number) || (life === last[0] && n > (last[1] as number)), `line ${life}:${n} comes after ${last.join(':')}`)
    last = [life, n]
    seen[life]?.add(n)
  }
  let promised = 0
  for (const [life, has] of seen.entries()) {
    const safe = life === KILLS ? 1 : Number(readFileSync(safeOf(life), 'utf8'))
    promised += safe
    for (let n = 0; n < safe; n++) assert.ok(has.has(n), `line ${life}:${n} was synced, and is missing`)
  }
  const distinct = seen.reduce((sum, { size }) => sum + size, 0)
  t.ok(distinct >= promised, `${promised} lines were safe; ${distinct} arrived, and ${total - distinct} of them more than once`)
}

t.test(`a transport whose thread is terminated ${TERMINATIONS} times loses no line that was synced`, { timeout: 1800000 }, async t => {
  t.comment(`APP_SEED=${SEED}`)
  const random = createRandom(SEED + 1)
  const { process: server, file, url } = await startCollector(t, 'collector-flaps', '100')
  const options = {
    targets: [{ name: 'collector', target: SINK, options: { url } }],
    whenOpen: 'spool',
    spool: { dir: join(t.testdirName, 'spool'), mode: 'always', segmentBytes: 20000, syncMs: 20 },
    breaker: { failureThreshold: 2, recoveryTimeoutMs: 50 },
    diagnostics: false as const
  }
  let id = 0
  const safe = new Set<number>()
  for (let life = 0; life < TERMINATIONS; life++) {
    const transport = pino.transport({ target: 'pino-breaker-fanout', options })
    transport.on('error', () => {})
    await once(transport, 'ready')
    const logger = pino({ base: null, timestamp: false }, transport)
    for (let flushes = 1 + Math.floor(random() * 10); flushes > 0; flushes--) {
      const from = id
      for (const end = id + 30; id < end; id++) logger.info({ id })
      await new Promise<void>(resolve => logger.flush(() => resolve()))
      for (const line of range(from, id)) safe.add(line)
    }
    for (const end = id + 30; id < end; id++) logger.info({ id })
    await (transport as unknown as { worker: { terminate (): Promise<number> } }).worker.terminate()
  }
  server.send('stay')
  const last = openFanout({ ...options, whenOpen: 'spool', spool: { ...options.spool, mode: 'always' } })
  log(last, id, id + 1)
  await last.sinkWhen('collector', ({ linesReceived, linesDelivered }) => linesReceived > 0 && linesReceived === linesDelivered, 'all to arrive')
  await last.close()
  const arrived = new Set(readLogFile(file).ids)
  t.same([...safe].filter(line => !arrived.has(line)), [])
  t.ok(safe.size > 0, `${safe.size} lines were safe, ${arrived.size} arrived`)
})

t.test('on a full disk the lane goes on in memory, says so, and all arrives in order; the next outage is spooled again', async t => {
  const disk = mountSmallDisk(t, 4096)
  if (disk === undefined) {
    if (process.env['CI'] === 'true') return t.fail('no tmpfs can be mounted')
    return t.plan(0, 'only root can mount a tmpfs of 4 MiB')
  }
  const { file, url, process: server } = await startCollector(t, 'collector-flaps', '1e13')
  const healthy = join(t.testdirName, 'app.log')
  const fanout = openFanout({
    targets: [
      { target: 'pino/file', options: { destination: healthy } },
      { name: 'collector', target: SINK, options: { url }, whenOpen: 'spool', spool: { dir: disk, segmentBytes: 1e6 }, breaker: BREAKER, queue: { maxLines: 1e6 } }
    ]
  })
  const pad = 'x'.repeat(500)
  log(fanout, 0, 4000, pad)
  await fanout.sinkWhen('collector', sink => sink.spoolLines > 2500, 'the disk to take some')
  // Another takes the last byte.
  writeFileSync(join(disk, 'other'), '')
  try {
    for (;;) writeFileSync(join(disk, 'other'), Buffer.alloc(4096), { flag: 'a' })
  } catch {
    // It is full now.
  }
  log(fanout, 4000, 14000, pad)
  const full = await fanout.sinkWhen('collector', sink => sink.linesReceived >= 14000, 'all to come in')
  t.match(full.linesDropped, {}, 'nothing is dropped')
  t.ok(full.queueLines > 5000, `${full.queueLines} lines are held in memory, ${full.spoolLines} on the disk`)
  await until(() => readLogFile(healthy).diagnostics.some(({ msg }) => msg === 'sink spool failed'), 'it to say so')

  server.send('stay')
  await fanout.sinkWhen('collector', sink => sink.state === 'closed' && sink.linesDelivered === sink.linesReceived, 'all to arrive')
  const { ids } = readLogFile(file)
  t.same(ids.filter(id => id !== undefined), range(0, 14000))
  await until(() => readdirSync(join(disk, 'collector')).filter(name => name.endsWith('.ndjson')).length === 0, 'the disk to be freed')

  rmSync(join(disk, 'other'))
  server.kill('SIGKILL')
  await once(server, 'exit')
  log(fanout, 14000, 15000, pad)
  await fanout.sinkWhen('collector', sink => sink.state === 'open' && sink.spoolLines + sink.queueLines + sink.unsettledLines > 990 && sink.spoolBytes > 500000, 'the next outage to be spooled')
  await fanout.close()
  checkSums(t, fanout)
})
