import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import type pino from 'pino'
import type { FanoutOptions, TargetOptions } from 'pino-breaker-fanout'
import t from 'tap'
import { openFanout, until, type FanoutRig } from '../support/fanout-rig.js'
import { runLogger, type LoggerPlan } from '../support/logger-process.js'
import { runProcess } from '../support/run-process.js'

type Record = { [key: string]: unknown }

const SOON = { failureThreshold: 2, recoveryTimeoutMs: 100 }
const LONG = { failureThreshold: 1, recoveryTimeoutMs: 60000 }

/** A delivery sink that is down until it is put up. */
function brokenIn (dir: string, { message, name = 'backend', ...fields }: { message?: string } & Partial<TargetOptions> = {}): { target: TargetOptions & { name: string }, putUp: () => void, records: () => Record[] } {
  const [lines, attempts, down] = ['lines', 'attempts', 'down'].map(what => join(dir, `${name}.${what}`)) as [string, string, string]
  writeFileSync(down, '')
  writeFileSync(lines, '')
  const target = { name, target: resolve('test/fixtures/sink-records-batches.js'), options: { lines, attempts, down, message }, breaker: SOON, ...fields }
  return {
    target: target as TargetOptions & { name: string },
    putUp: () => { rmSync(down) },
    records: () => recordsOf(readFileSync(lines, 'utf8'))
  }
}

function fileIn (dir: string, fields: Partial<TargetOptions> = {}): { target: TargetOptions, text: () => string, records: () => Record[] } {
  const destination = join(dir, `${fields.name ?? 'file'}.log`)
  const text = (): string => readFileSync(destination, 'utf8')
  return { target: { target: 'pino/file', options: { destination }, ...fields } as TargetOptions, text, records: () => recordsOf(text()) }
}

function recordsOf (text: string): Record[] {
  return text.split('\n').slice(0, -1).map(line => JSON.parse(line) as Record)
}

/** What the transport itself has written. */
function diagnosticsOf (records: readonly Record[]): Record[] {
  return records.filter(({ name }) => name === 'pino-breaker-fanout')
}

function logLines ({ log }: FanoutRig, count: number): void {
  for (let id = 0; id < count; id++) log.info({ id }, 'a line')
}

/** Lets a sink fail until it opens, and recover. */
async function outage (fanout: FanoutRig, backend: { putUp: () => void }): Promise<void> {
  logLines(fanout, 10)
  await fanout.transitionTo('backend', 'open')
  backend.putUp()
  await fanout.transitionTo('backend', 'closed')
}

t.test('an outage stands in the file of another target, in records with all their fields', async t => {
  const dir = t.testdir()
  const [backend, file] = [brokenIn(dir), fileIn(dir)]
  const fanout = openFanout({ targets: [backend.target, file.target] })
  await outage(fanout, backend)
  await fanout.close()

  const [open, halfOpen, ...rest] = diagnosticsOf(file.records())
  const { retryInMs, time, err, ...fields } = open as Record
  t.same(fields, {
    level: 40,
    pid: process.pid,
    hostname: hostname(),
    name: 'pino-breaker-fanout',
    component: 'circuit-breaker',
    sink: 'backend',
    from: 'closed',
    to: 'open',
    reason: 'write-error',
    consecutiveFailures: 2,
    openForMs: 0,
    msg: 'sink circuit open'
  })
  t.equal(retryInMs, 100)
  t.equal(typeof time, 'number')
  t.match(err, { type: 'Error', message: 'the backend is down', stack: /Error: the backend is down\n +at / })
  t.match(halfOpen, { level: 30, sink: 'backend', from: 'open', to: 'half-open', reason: 'recovery-due', msg: 'sink circuit half-open' })
  t.match(rest.at(-1), { level: 30, sink: 'backend', from: 'half-open', to: 'closed', reason: 'probe-succeeded', consecutiveFailures: 0, msg: 'sink circuit closed' })
  t.notOk('err' in (rest.at(-1) as Record))
})

for (const isolation of ['thread', 'inline'] as const) {
  t.test(`the app is told the same by events (${isolation})`, async t => {
    const dir = t.testdir()
    const backend = brokenIn(dir, { isolation })
    const fanout = openFanout({ targets: [backend.target], diagnostics: false })
    await outage(fanout, backend)
    await fanout.close()

    const [open, halfOpen] = fanout.transitions
    const { generation, time, err, ...fields } = open ?? {} as never
    t.same(fields, { sink: 'backend', from: 'closed', to: 'open', reason: 'write-error', consecutiveFailures: 2, openForMs: 0, retryInMs: 100 })
    t.type(generation, 'number')
    t.ok(Math.abs(time - Date.now()) < 60000, 'wall time')
    t.match(err, { type: 'Error', message: 'the backend is down', stack: /Error: the backend is down/ })
    t.equal(halfOpen?.generation, generation + 1)
  })
}

t.test('lines skipped are told when it begins, and summed up at recovery; lines dropped and restarts are told too', async t => {
  const dir = t.testdir()
  const backend = brokenIn(dir, { whenOpen: 'skip' })
  const stream: TargetOptions = { name: 'stream', target: resolve('test/fixtures/sink-emits-many-errors.js'), breaker: false, queue: { maxLines: 100, blockTimeoutMs: 0 } }
  const file = fileIn(dir)
  const fanout = openFanout({ targets: [backend.target, stream, file.target] })
  logLines(fanout, 10)
  await fanout.transitionTo('backend', 'open')
  for (let i = 0; i < 10; i++) {
    const { linesReceived } = fanout.snapshots.at(-1)?.sinks[0] ?? { linesReceived: 0 }
    logLines(fanout, 100)
    await fanout.sinkWhen('backend', sink => sink.linesReceived >= linesReceived + 100, 'lines to come in')
  }
  backend.putUp()
  await fanout.transitionTo('backend', 'closed')
  await fanout.sinkWhen('stream', sink => sink.restarts >= 2, 'the stream to be started again')
  await fanout.close()
  const [ofBackend, ofStream] = fanout.snapshots.at(-1)?.sinks ?? []

  const diagnostics = diagnosticsOf(file.records())
  const skipped = diagnostics.filter(({ msg }) => msg === 'sink skipped lines')
  t.match(skipped, [{ level: 40, component: 'lane', sink: 'backend' }, { level: 40, component: 'lane', sink: 'backend' }])
  t.equal(skipped.reduce((sum, record) => sum + (record['skipped'] as number), 0), ofBackend?.linesSkipped, 'to the line')
  const dropped = diagnostics.filter(({ msg, reason }) => msg === 'sink dropping lines' && reason === 'queue-full')
  t.match(dropped[0], { level: 40, component: 'lane', sink: 'stream' })
  t.equal(dropped.reduce((sum, record) => sum + (record['dropped'] as number), 0), ofStream?.linesDropped['queue-full'], 'to the line')
  t.match(diagnostics.find(({ msg }) => msg === 'sink restarted'), { level: 30, component: 'supervisor', sink: 'stream', reason: 'stream-error', restarts: 1 })
  t.match(diagnostics.find(({ msg }) => msg === 'sink lines undelivered at close'), { level: 40, component: 'lane', sink: 'stream', lines: Number })
})

t.test('user and password of a URL in an error are never shown, in no file, event, snapshot or on stderr', async t => {
  const dir = t.testdir()
  const message = 'connect to https://someone:hunter2@backend.example:9200/path failed; also redis://:hunter2@cache and amqp://hunter2@queue'
  const [backend, file] = [brokenIn(dir, { message }), fileIn(dir)]
  const fanout = openFanout({ targets: [backend.target, file.target] })
  logLines(fanout, 10)
  await fanout.transitionTo('backend', 'open')
  await fanout.sinkWhen('backend', sink => sink.lastError !== undefined, 'a snapshot with the error')
  await fanout.close()
  t.match(file.text(), 'backend.example:9200')
  for (const told of [file.text(), JSON.stringify(fanout.transitions), JSON.stringify(fanout.snapshots)]) {
    t.match(told, 'https://backend.example:9200/path failed')
    t.notMatch(told, /hunter2|someone/)
  }

  const { stderr } = await runLogger({ options: { targets: [backend.target] }, lines: 10, ending: 'loop' })
  t.match(stderr, 'https://backend.example:9200/path failed')
  t.notMatch(stderr, /hunter2|someone/)
})

t.test('when all targets are open the records are on stderr', async t => {
  const dir = t.testdir()
  const [first, second] = [brokenIn(dir, { name: 'first', breaker: LONG }), brokenIn(dir, { name: 'second', breaker: LONG })]
  const { code, stderr } = await runLogger({ options: { targets: [first.target, second.target] }, lines: 100, ending: 'loop', awaitsOpen: 2 })
  t.equal(code, 0)
  const records = recordsOf(stderr)
  // The first to open was still told to the other.
  t.ok(records.some(({ msg }) => msg === 'sink circuit open'))
  t.same(records.filter(({ msg }) => msg === 'sink lines undelivered at close').map(({ sink }) => sink).sort(), ['first', 'second'])
  t.same(diagnosticsOf(records), records, 'and nothing else')
})

t.test('a sink that fails ten thousand times makes no flood', async t => {
  const dir = t.testdir()
  const file = fileIn(dir)
  const stream: TargetOptions = { name: 'stream', target: resolve('test/fixtures/sink-emits-many-errors.js'), breaker: LONG, whenOpen: 'skip' }
  const again: TargetOptions = { ...stream, name: 'again', breaker: false, queue: { maxLines: 10, blockTimeoutMs: 0 } }
  const fanout = openFanout({ targets: [stream, again, file.target] })
  logLines(fanout, 100)
  await fanout.transitionTo('stream', 'open')
  for (let lines = 200; lines <= 10000; lines += 100) {
    logLines(fanout, 100)
    if (lines % 2000 === 0) await fanout.sinkWhen('file', sink => sink.linesReceived >= lines, 'lines to come in')
  }
  await fanout.sinkWhen('again', sink => sink.restarts >= 4, 'more restarts')
  await fanout.close()
  const diagnostics = diagnosticsOf(file.records())
  t.ok(diagnostics.length <= 12, `${diagnostics.length} records: ${diagnostics.map(({ sink, msg }) => `${sink}: ${msg}`).join(', ')}`)
  t.equal(file.records().length - diagnostics.length, 10000)
})

for (const [what, logger, options, expected] of [
  ['its own numbers', { customLevels: { info: 7, warn: 9 }, useOnlyCustomLevels: true, level: 'info' }, {}, { level: 9, msg: 'sink circuit open' }],
  ['another label for a number', { customLevels: { chatty: 30, warn: 40 }, useOnlyCustomLevels: true, level: 'chatty' }, {}, { level: 40, msg: 'sink circuit open' }],
  ['another message key', { messageKey: 'message' }, {}, { level: 40, message: 'sink circuit open', msg: undefined }],
  ['another error key', { errorKey: 'error' }, {}, { error: { message: 'the backend is down' }, err: undefined }],
  ['labels for levels', { formatters: { level: (level: string) => ({ level }) } }, {}, { level: 'warn' }],
  ['another level key', { formatters: { level: (severity: string) => ({ severity }) } }, { levelKey: 'severity' }, { severity: 'warn', level: undefined }]
] as Array<[string, pino.LoggerOptions, Partial<FanoutOptions>, Record]>) {
  t.test(`the records look like those of a logger with ${what}`, async t => {
    const dir = t.testdir()
    const [backend, file] = [brokenIn(dir, { level: 0 }), fileIn(dir, { level: 0 })]
    const fanout = openFanout({ targets: [backend.target, file.target], ...options }, logger)
    for (let id = 0; id < 10; id++) fanout.log[logger.level === 'chatty' ? 'warn' : 'info']({ id }, 'a line')
    await fanout.transitionTo('backend', 'open')
    await fanout.close()
    const record = diagnosticsOf(file.records())[0] as Record
    for (const [key, value] of Object.entries(expected)) t.match(record[key], value, key)
  })
}

t.test('they go to targets whose level admits them', async t => {
  const dir = t.testdir()
  const [backend, all, warnings, errors] = [brokenIn(dir), fileIn(dir, { name: 'all', level: 'debug' }), fileIn(dir, { name: 'warnings', level: 'warn' }), fileIn(dir, { name: 'errors', level: 'error' })]
  const fanout = openFanout({ targets: [backend.target, all.target, warnings.target, errors.target] })
  await outage(fanout, backend)
  await fanout.close()
  t.same([...new Set(diagnosticsOf(all.records()).map(({ level }) => level))].sort(), [30, 40])
  t.same([...new Set(diagnosticsOf(warnings.records()).map(({ level }) => level))], [40])
  t.same(diagnosticsOf(errors.records()), [])
})

t.test('diagnostics.level leaves out what is below', async t => {
  const dir = t.testdir()
  const [backend, file] = [brokenIn(dir), fileIn(dir)]
  const fanout = openFanout({ targets: [backend.target, file.target], diagnostics: { level: 'warn' } })
  await outage(fanout, backend)
  await fanout.close()
  t.same([...new Set(diagnosticsOf(file.records()).map(({ msg }) => msg))], ['sink circuit open'])
})

t.test('diagnostics: false: there are none', async t => {
  const dir = t.testdir()
  const [backend, file] = [brokenIn(dir), fileIn(dir)]
  const { stderr } = await runLogger({ options: { targets: [backend.target, file.target], diagnostics: false }, lines: 100, ending: 'loop' })
  t.equal(stderr, '')
  t.same(diagnosticsOf(file.records()), [])
})

t.test('to: "stderr": they are there, and in no target', async t => {
  const dir = t.testdir()
  const [backend, file] = [brokenIn(dir, { breaker: LONG }), fileIn(dir)]
  const { stderr } = await runLogger({ options: { targets: [backend.target, file.target], diagnostics: { to: 'stderr' } }, lines: 100, ending: 'loop' })
  t.match(recordsOf(stderr), [{ msg: 'sink circuit open', sink: 'backend' }])
  t.same(diagnosticsOf(file.records()), [])
})

t.test('to: a list of names: they go there, to a standby too, though never to a sink that is not closed', async t => {
  const dir = t.testdir()
  const [backend, file, standby] = [brokenIn(dir), fileIn(dir), fileIn(dir, { name: 'standby', standby: true })]
  const fanout = openFanout({ targets: [backend.target, file.target, standby.target], diagnostics: { to: ['backend', 'standby'] } })
  await outage(fanout, backend)
  await fanout.close()
  const told = diagnosticsOf(standby.records()).map(({ to }) => to).filter(to => to !== undefined)
  t.same([told[0], told.at(-1)], ['open', 'closed'])
  t.same(diagnosticsOf(file.records()), [])
  const own = diagnosticsOf(backend.records()).map(({ to }) => to)
  t.notOk(own.includes('open') || own.includes('half-open'), 'it was told nothing while it was not closed')
})

t.test('a record about a sink is not among its own lines', async t => {
  const dir = t.testdir()
  const [first, second] = [brokenIn(dir), brokenIn(dir, { name: 'second' })]
  const fanout = openFanout({ targets: [first.target, second.target, fileIn(dir).target] })
  logLines(fanout, 10)
  await Promise.all([fanout.transitionTo('backend', 'open'), fanout.transitionTo('second', 'open')])
  first.putUp()
  second.putUp()
  await Promise.all([fanout.transitionTo('backend', 'closed'), fanout.transitionTo('second', 'closed')])
  await fanout.sinkWhen('second', sink => sink.queueLines + sink.unsettledLines === 0, 'all lines to arrive')
  await fanout.close()
  t.same(diagnosticsOf(first.records()).filter(({ sink }) => sink === 'backend'), [])
  t.same(diagnosticsOf(second.records()).filter(({ sink }) => sink === 'second'), [])
})

for (const isolation of ['thread', 'inline'] as const) {
  t.test(`what a sink posts as an event reaches the app, but for reserved names (${isolation})`, async t => {
    const dir = t.testdir()
    const file = fileIn(dir)
    const events = [['error', 'not an error'], ['close'], ['finish'], ['ready'], ['breaker', { sink: 'forged' }], ['metrics', { forged: true }], ['rotated', 'app.1.log', 7], ['done']]
    const fanout = openFanout({ targets: [{ name: 'poster', target: resolve('test/fixtures/sink-posts-events.js'), options: { events }, isolation }, file.target] })
    const seen: unknown[][] = []
    fanout.transport.on('error', error => { seen.push(['error', error]) })
    fanout.transport.on('close', () => { seen.push(['close']) })
    fanout.transport.on('rotated', (...args: unknown[]) => { seen.push(['rotated', ...args]) })
    fanout.transport.on('done', () => { seen.push(['done']) })
    logLines(fanout, 10)
    await until(() => seen.some(([name]) => name === 'done'), 'the last of the events')
    t.same(seen, [['rotated', 'app.1.log', 7], ['done']])
    t.same(fanout.transitions, [])
    t.notOk(fanout.snapshots.some(snapshot => 'forged' in snapshot))
    logLines(fanout, 10)
    await fanout.close()
    t.equal(file.records().length, 20, 'logging goes on')
  })
}

t.test('a sink that takes all file descriptors of the process costs no other one a line, and the record of it looks like any other', { skip: process.platform === 'win32' && 'no limit can be set' }, async t => {
  const dir = t.testdir()
  const file = fileIn(dir)
  const leaky = { name: 'leaky', target: resolve('test/fixtures/sink-leaks-descriptors.js'), breaker: LONG }
  const plan: LoggerPlan = { options: { targets: [leaky, file.target] }, lines: 100, ending: 'end', awaitsReady: true, awaitsOpen: 1 }
  const { code } = await runProcess('sh', ['-c', 'ulimit -n 200; exec "$@"', 'sh', process.execPath, resolve('test/fixtures/app-logs.js'), JSON.stringify(plan)], { cwd: process.cwd(), limitMs: 30000 })
  t.equal(code, 0)
  t.equal(file.records().filter(({ id }) => id !== undefined).length, 100)
  const [record] = diagnosticsOf(file.records())
  t.match(record, { level: 40, time: Number, pid: Number, hostname: hostname(), name: 'pino-breaker-fanout', component: 'circuit-breaker', sink: 'leaky', to: 'open', err: { code: 'EMFILE' }, msg: 'sink circuit open' })
})
