// The monitor in a real transport: in pino's worker, beside an app.
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import type { FanoutOptions, MonitorAddress, MonitorOptions, SinkSnapshot, TargetOptions } from 'pino-breaker-fanout'
import t, { type Test } from 'tap'
import { runCase } from '../support/case-app.js'
import { accountedLines, closeTransport, openFanout, until, type AppTransport } from '../support/fanout-rig.js'
import { TOKEN, WITH_TOKEN, ask, readEvents, type Question, type Reply } from '../support/monitor-rig.js'

t.setTimeout(120000)

const ACTIONS = { port: 0, token: TOKEN, actions: true }

function fileIn (dir: string, fields: Partial<TargetOptions> = {}): TargetOptions {
  return { name: 'file', level: 'trace', target: 'pino/file', options: { destination: join(dir, `${fields.name ?? 'file'}.log`) }, ...fields } as TargetOptions
}

/** Lines of a file, as JSON. */
function linesOf (file: string): Array<Record<string, unknown>> {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line) as Record<string, unknown>) : []
}

async function addressOf (transport: AppTransport): Promise<MonitorAddress> {
  let address: MonitorAddress | undefined
  transport.once('monitor', (told: MonitorAddress) => { address = told })
  // The transport's worker does not keep this process alive.
  await until(() => address !== undefined, 'the address of the monitor')
  return address as unknown as MonitorAddress
}

/** Starts a transport with a monitor, in this process, which asks it. */
async function start (options: FanoutOptions): Promise<ReturnType<typeof openFanout> & { address: string, ask: (path: string, question?: Question) => Promise<Reply>, act: (path: string) => Promise<Reply> }> {
  const fanout = openFanout({ diagnostics: false, ...options })
  const { address } = await addressOf(fanout.transport)
  const asks = async (path: string, question?: Question): Promise<Reply> => await ask(address, path, { headers: WITH_TOKEN, ...question })
  return { ...fanout, address, ask: asks, act: async path => await asks(path, { method: 'POST' }) }
}

/** An app that says where its monitor listens. It keeps running until the file `release` is there. */
async function monitored (t: Test, monitor: MonitorOptions, source: string, during: (address: string, release: () => void) => Promise<void>, options: Partial<FanoutOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'monitor-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [told, release] = ['address', 'release'].map(name => join(folder, name)) as [string, string]
  return await runCase(t, { targets: [fileIn('DIR')], monitor, ...options }, `
    const [told, release] = ${JSON.stringify([told, release])}
    const monitor = new Promise(resolve => transport.once('monitor', resolve))
    const tellAddress = async () => {
      const keeping = setInterval(() => {}, 1000)
      fs.writeFileSync(told + '.new', (await monitor).address)
      clearInterval(keeping)
      fs.renameSync(told + '.new', told)
    }
    const released = async () => { while (!fs.existsSync(release)) await sleep(10) }
    ${source}`, {
    during: async () => {
      await until(() => existsSync(told), 'the address of the monitor')
      await during(readFileSync(told, 'utf8'), () => writeFileSync(release, ''))
    }
  })
}

t.test('the address is told by an event and by a record', async t => {
  const dir = t.testdir()
  const fanout = openFanout({ targets: [fileIn(dir)], monitor: { port: 0 } }, { messageKey: 'text' })
  const { address, port } = await addressOf(fanout.transport)
  t.equal(address, `http://127.0.0.1:${port}`)
  t.match(await ask(address, '/healthz'), { status: 200 })
  await fanout.close()
  t.match(linesOf(join(dir, 'file.log')), [{ level: 30, name: 'pino-breaker-fanout', component: 'monitor', address, text: 'monitor listening' }], 'it looks like the lines of the app')
  await t.rejects(ask(address, '/healthz'), { code: 'ECONNREFUSED' }, 'it has ended with the transport')
})

t.test('it answers while the app\'s thread is blocked', async t => {
  const { result, dir } = await monitored(t, ACTIONS, `
    log.info('before')
    await tellAddress()
    // For as long as the test asks.
    while (!fs.existsSync(release)) log.info('busy')
    log.info('after')`,
  async (address, release) => {
    for (let i = 0; i < 5; i++) {
      for (const path of ['/healthz', '/metrics', '/snapshot.json', '/']) t.match(await ask(address, path, { headers: WITH_TOKEN }), { status: 200 }, path)
    }
    t.match(await ask(address, '/sinks/file/open', { method: 'POST', headers: WITH_TOKEN }), { status: 200, body: { sink: { state: 'open' } } })
    const reader = await readEvents(address)
    await reader.next('snapshot', (snapshot: { sinks: SinkSnapshot[] }) => snapshot.sinks[0]?.state === 'open')
    t.match(await ask(address, '/sinks/file/reset', { method: 'POST', headers: WITH_TOKEN }), { status: 200, body: { sink: { state: 'closed' } } })
    await reader.next('transition', ({ to }: { to: string }) => to === 'closed')
    reader.stop()
    release()
  }, { queue: { maxLines: 1000000, maxBytes: 256 * 1024 * 1024 } })
  t.equal(result.code, 0, result.stderr)
  const messages = new Set(linesOf(join(dir, 'file.log')).map(({ msg }) => msg))
  t.ok(messages.has('before') && messages.has('after'))
})

t.test('a thread of the app that has crashed into a loop without logging is no hindrance', async t => {
  const { result } = await monitored(t, ACTIONS, `
    await ready
    await tellAddress()
    while (!fs.existsSync(release));`,
  async (address, release) => {
    for (const path of ['/healthz', '/snapshot.json']) t.match(await ask(address, path, { headers: WITH_TOKEN }), { status: 200 }, path)
    release()
  })
  t.equal(result.code, 0, result.stderr)
})

t.test('actions under load lose no line, whoever acts, and however often', async t => {
  const dir = t.testdir()
  const files = { inline: join(dir, 'file.log'), thread: join(dir, 'thread.log'), delivery: join(dir, 'lines') }
  const { log, ask, act, close, snapshots } = await start({
    targets: [
      fileIn(dir),
      fileIn(dir, { name: 'thread', isolation: 'thread' }),
      { name: 'delivery', level: 'trace', target: resolve('test/fixtures/sink-records-batches.js'), options: { lines: files.delivery, attempts: join(dir, 'attempts'), down: join(dir, 'down') } }
    ],
    breaker: { recoveryTimeoutMs: 50, settleMs: 50 },
    queue: { maxLines: 10000000, maxBytes: 256 * 1024 * 1024 },
    monitor: ACTIONS
  })
  let id = 0
  const over = new AbortController()
  const logging = (async () => {
    while (!over.signal.aborted) {
      for (let i = 0; i < 50; i++) log.info({ id: id++ })
      await sleep(1)
    }
  })()
  const sinks = ['file', 'thread', 'delivery']
  const client = async (actions: readonly string[]): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      for (const sink of sinks) {
        for (const action of actions) {
          const { status, body } = await act(`/sinks/${sink}/${action}`)
          if (status !== 200 || (body as { sink: SinkSnapshot }).sink.name !== sink) t.fail(`${sink} ${action}: ${status} ${JSON.stringify(body)}`)
        }
      }
    }
  }
  await Promise.all([
    client(['open', 'open', 'replay', 'close', 'reopen', 'reset', 'reopen', 'open', 'close']),
    client(['reopen', 'reopen', 'open', 'reset', 'replay', 'close', 'close']),
    (async () => { for (let i = 0; i < 20; i++) t.equal((await act('/reopen')).status, 200) })()
  ])
  over.abort()
  await logging
  for (const sink of sinks) t.match(await act(`/sinks/${sink}/close`), { status: 200 })
  let body: unknown
  const isAllThere = async (): Promise<boolean> => {
    body = (await ask('/snapshot.json')).body
    return (body as { sinks: SinkSnapshot[] }).sinks.every(({ linesDelivered }) => linesDelivered === id)
  }
  while (!await isAllThere()) await sleep(20)
  for (const sink of (body as { sinks: SinkSnapshot[] }).sinks) {
    t.equal(sink.linesReceived, id)
    t.equal(accountedLines(sink), id, 'every line is in one place')
    t.same(sink.linesDropped, {})
    t.ok(sink.transitions.some(({ reason }) => reason === 'forced'))
  }
  await close()
  t.match(snapshots.at(-1), { hasEnded: true })
  for (const [sink, file] of Object.entries(files)) {
    const found = new Set(linesOf(file).map(line => line['id']))
    t.equal(Array.from({ length: id }, (_, n) => n).filter(n => !found.has(n)).length, 0, `${sink}: nothing is missing`)
  }
})

t.test('files that were renamed are made anew, and no line is lost in between', async t => {
  const dir = t.testdir()
  const { log, act, close } = await start({ targets: [fileIn(dir), fileIn(dir, { name: 'thread', isolation: 'thread' })], monitor: ACTIONS })
  const rotations = 5
  for (let n = 0; n < rotations; n++) {
    for (let i = 0; i < 200; i++) log.info({ id: n * 200 + i })
    await new Promise<void>(resolve => log.flush(() => resolve()))
    for (const name of ['file', 'thread']) renameSync(join(dir, `${name}.log`), join(dir, `${name}.log.${n}`))
    t.match(await act('/reopen'), { status: 200, body: { sinks: [{ name: 'file' }, { name: 'thread' }] } })
  }
  log.info({ id: rotations * 200 })
  await close()
  for (const name of ['file', 'thread']) {
    const ids = Array.from({ length: rotations }, (_, n) => join(dir, `${name}.log.${n}`)).concat(join(dir, `${name}.log`)).map(file => linesOf(file).map(({ id }) => id))
    t.same(ids.flat(), Array.from({ length: rotations * 200 + 1 }, (_, n) => n), name)
    t.equal(ids.at(-1)?.length, 1)
  }
})

t.test('the level changes at run time, for lines that come after the answer', async t => {
  const dir = t.testdir()
  const { log, ask, close } = await start({ targets: [fileIn(dir, { level: 'info' }), fileIn(dir, { name: 'other', level: 'info' })], monitor: ACTIONS })
  log.level = 'trace'
  const step = async (path: string, level: string, msg: string): Promise<void> => {
    t.match(await ask(path, { method: 'POST', headers: WITH_TOKEN, body: JSON.stringify({ level }) }), { status: 200 })
    log.debug(msg)
    await new Promise<void>(resolve => log.flush(() => resolve()))
  }
  log.debug('neither')
  await new Promise<void>(resolve => log.flush(() => resolve()))
  await step('/sinks/file/level', 'debug', 'only file')
  await step('/level', 'trace', 'both')
  await step('/level', 'fatal', 'none')
  await close()
  t.same(linesOf(join(dir, 'file.log')).map(({ msg }) => msg), ['only file', 'both'])
  t.same(linesOf(join(dir, 'other.log')).map(({ msg }) => msg), ['both'])
})

t.test('actions before the transport is ready hold for what comes', async t => {
  const dir = t.testdir()
  // Pino sends its config only once a logger uses the transport.
  const transport = pino.transport({ target: 'pino-breaker-fanout', options: { targets: [fileIn(dir, { level: 'info' }), fileIn(dir, { name: 'other', isolation: 'thread', level: 'info' })], breaker: { recoveryTimeoutMs: 60000 }, diagnostics: false, monitor: ACTIONS } satisfies FanoutOptions }) as AppTransport
  const { address } = await addressOf(transport)
  const post = async (path: string, body?: string): Promise<Reply> => await ask(address, path, { method: 'POST', headers: WITH_TOKEN, ...body !== undefined && { body } })
  t.match(await ask(address, '/healthz'), { status: 200 })
  t.match(await post('/sinks/other/open'), { status: 200, body: { sink: { state: 'open' } } })
  t.match(await post('/sinks/file/level', '{"level":"loud"}'), { status: 400 }, 'the levels of the logger are not known yet')
  t.match(await post('/sinks/file/level', '{"level":"trace"}'), { status: 200, body: { sink: { level: 10 } } })
  t.match(await post('/sinks/file/reopen'), { status: 200 })
  const log = pino({ level: 'trace', base: null }, transport)
  log.trace('first')
  log.info('second')
  await new Promise<void>(resolve => log.flush(() => resolve()))
  t.same(linesOf(join(dir, 'file.log')).map(({ msg }) => msg), ['first', 'second'])
  t.same(linesOf(join(dir, 'other.log')), [])
  t.match(await post('/sinks/other/close'), { status: 200, body: { sink: { state: 'closed' } } })
  await new Promise<void>(resolve => log.flush(() => resolve()))
  t.same(linesOf(join(dir, 'other.log')).map(({ msg }) => msg), ['second'])
  await closeTransport(transport)
  await t.rejects(post('/sinks/other/open'), { code: 'ECONNREFUSED' }, 'after the end nobody answers')
})

t.test('a thousand requests beside the lines of an app lose none of them', async t => {
  const dir = t.testdir()
  const { log, address, close } = await start({ targets: [fileIn(dir)], monitor: { port: 0 } })
  const agents = Array.from({ length: 10 }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const paths = ['/metrics', '/snapshot.json', '/healthz', '/healthz?sinks', '/']
  let answered = 0
  let id = 0
  await Promise.all(agents.map(async agent => {
    for (let i = 0; i < 100; i++) {
      for (let n = 0; n < 20; n++) log.info({ id: id++ })
      const { status } = await ask(address, paths[i % paths.length] as string, { agent })
      if (status === 200) answered++
    }
    agent.destroy()
  }))
  t.equal(answered, 1000)
  await close()
  t.same(linesOf(join(dir, 'file.log')).map(line => line['id']), Array.from({ length: id }, (_, n) => n))
})

t.test('several transports with one range of ports have one each', async t => {
  const dir = t.testdir()
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  free.close()
  const from = Math.min(port, 65000)
  const open = (name: string) => openFanout({ targets: [fileIn(dir, { name })], diagnostics: false, monitor: { port: { from, to: from + 200 } } })
  const one = open('one')
  const first = await addressOf(one.transport)
  const two = open('two')
  const second = await addressOf(two.transport)
  t.ok(first.port !== undefined && second.port !== undefined && first.port < second.port && second.port <= from + 200)
  t.match((await ask(second.address, '/snapshot.json')).body, { sinks: [{ name: 'two' }] })
  await one.close()
  await two.close()
})

t.test('a port that is taken is told by a record, and costs nothing else', async t => {
  const dir = t.testdir()
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const fanout = openFanout({ targets: [fileIn(dir)], monitor: { port } })
  let told = 0
  fanout.transport.on('monitor', () => { told++ })
  for (let id = 0; id < 1000; id++) fanout.log.info({ id })
  await until(() => linesOf(join(dir, 'file.log')).some(({ component }) => component === 'monitor'), 'the record')
  await fanout.close()
  taken.close()
  const lines = linesOf(join(dir, 'file.log'))
  t.match(lines.filter(({ component }) => component === 'monitor'), [{ level: 40, msg: 'monitor not available', err: { code: 'EADDRINUSE' } }])
  t.equal(lines.filter(({ id }) => id !== undefined).length, 1000)
  t.equal(told, 0)
})

for (const [ending, source] of Object.entries({
  'the end of the event loop': '',
  'process.exit()': 'process.exit(0)',
  'transport.end()': 'transport.ref(); transport.end(); await new Promise(resolve => transport.once("close", resolve))'
})) {
  t.test(`readers and idle connections do not hold a process: ${ending}`, async t => {
    const agent = new Agent({ keepAlive: true })
    let reader: Awaited<ReturnType<typeof readEvents>> | undefined
    const { result, dir } = await monitored(t, ACTIONS, `
      log.info('a line')
      await tellAddress()
      await released()
      ${source}`,
    async (address, release) => {
      await ask(address, '/healthz', { agent })
      reader = await readEvents(address)
      await reader.next('snapshot')
      release()
    })
    t.equal(result.code, 0, result.stderr)
    t.equal(result.stderr, '')
    agent.destroy()
    t.match(await reader?.next('end'), { hasEnded: true, sinks: [{ name: 'file' }] }, 'the last event is the end')
    await until(() => reader?.ended() === true, 'the connection to be closed')
    t.ok(linesOf(join(dir, 'file.log')).some(({ msg }) => msg === 'a line'))
  })
}

t.test('a Unix socket answers, and is gone at the end, also after a kill and a second start', { skip: process.platform === 'win32' && 'Windows has pipes' }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'monitor-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const socket = join(folder, 'log.sock')
  const killed = await monitored(t, { socket }, `
    await tellAddress()
    await released()
    process.kill(process.pid, 'SIGKILL')`,
  async (address, release) => {
    t.equal(address, `unix:${socket}`)
    t.match(await ask(address, '/healthz'), { status: 200 })
    release()
  })
  t.equal(killed.result.signal, 'SIGKILL')
  t.ok(existsSync(socket), 'it is left behind')
  for (const source of ['', 'process.exit(0)']) {
    const { result } = await monitored(t, { socket }, `
      await tellAddress()
      await released()
      ${source}`,
    async (address, release) => {
      t.match(await ask(address, '/snapshot.json'), { status: 200 })
      release()
    })
    t.equal(result.code, 0, result.stderr)
    t.notOk(existsSync(socket))
  }
})

t.test('an app with CommonJS has a monitor too, and one without the option loads nothing of it', async t => {
  const { told, result } = await runCase(t, { targets: [fileIn('DIR')] }, `
    const { createRequire } = await import('node:module')
    const require = createRequire(import.meta.url)
    const { default: fanout } = require('pino-breaker-fanout')
    const loaded = () => Object.keys(require.cache).filter(path => /monitor/.test(path)).length
    const open = async monitor => {
      const stream = await fanout({ targets: [{ target: 'pino/file', options: { destination: 'own.log' } }], diagnostics: false, monitor })
      const at = monitor === undefined ? undefined : await new Promise(resolve => stream.once('monitor', resolve))
      const status = at === undefined ? undefined : (await fetch(at.address + '/healthz')).status
      await new Promise(resolve => stream.once('close', resolve).end())
      return status
    }
    tell([await open(), loaded(), await open({ port: 0 }), loaded()])`)
  t.equal(result.code, 0, result.stderr)
  t.match(told, [[null, 0, 200, 1]])
})
