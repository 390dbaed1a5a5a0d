import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { SinkSnapshot, TargetOptions, TransitionEvent } from 'pino-breaker-fanout'
import t, { type Test } from 'tap'
import { accountedLines, openFanout, until, type FanoutRig } from '../support/fanout-rig.js'
import { runLogger } from '../support/logger-process.js'

interface Attempt { id?: string, attempt?: number, count: number, bytes: number, time: number }

/** A sink whose backend can be taken down and put up again. */
interface Backend {
  target: TargetOptions & { name: string }
  takeDown (): void
  putUp (): void
  /** The `id`s that arrived. */
  ids (): number[]
  attempts (): Attempt[]
}

type Kind = 'records-batches' | 'records-writes'

const SOON: NonNullable<TargetOptions['breaker']> = { failureThreshold: 2, recoveryTimeoutMs: 200 }

function backendIn (dir: string, kind: Kind, fields: Partial<TargetOptions> = {}, name = 'backend', options: object = {}): Backend {
  const [lines, attempts, down] = ['lines', 'attempts', 'down'].map(what => join(dir, `${name}.${what}`)) as [string, string, string]
  const target = { name, target: resolve(`test/fixtures/sink-${kind}.js`), options: { lines, attempts, down, ...options }, breaker: SOON, ...fields }
  return {
    target: target as Backend['target'],
    takeDown: () => writeFileSync(down, ''),
    putUp: () => rmSync(down, { force: true }),
    ids: () => idsIn(lines),
    attempts: () => existsSync(attempts) ? readFileSync(attempts, 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line) as Attempt) : []
  }
}

function idsIn (file: string): number[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => (JSON.parse(line) as { id: number }).id) : []
}

function range (from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

/** Logs lines with the `id`s from `from` up to, and without, `to`. */
function logLines ({ log }: FanoutRig, from: number, to: number, text = 'a line'): void {
  for (let id = from; id < to; id++) log.info({ id }, text)
}

/** Every line that a sink has received is somewhere, in each snapshot. */
function checkSums (t: Test, { snapshots }: FanoutRig): void {
  const wrong = snapshots.flatMap(({ sinks }) => sinks).filter(sink => sink.linesReceived !== accountedLines(sink))
  t.ok(snapshots.length > 0, 'there are snapshots')
  t.same(wrong, [], 'every line is accounted for at every step')
}

function lastOf ({ snapshots }: FanoutRig, name: string): SinkSnapshot {
  return snapshots.at(-1)?.sinks.find(sink => sink.name === name) as SinkSnapshot
}

function steps (transitions: readonly TransitionEvent[], sink = 'backend'): string[] {
  return transitions.filter(event => event.sink === sink).map(({ from, to, reason }) => `${from} > ${to}: ${reason}`)
}

for (const kind of ['records-batches', 'records-writes'] as const) {
  t.test(`hold, ${kind}: a sink that was down for a while gets every line, in order, once`, async t => {
    const backend = backendIn(t.testdir(), kind)
    const fanout = openFanout({ targets: [backend.target], diagnostics: false })
    logLines(fanout, 0, 500)
    await fanout.sinkWhen('backend', sink => sink.linesDelivered === 500, 'the first lines to arrive')

    backend.takeDown()
    logLines(fanout, 500, 1000)
    await fanout.transitionTo('backend', 'open')
    logLines(fanout, 1000, 3000)
    const held = await fanout.sinkWhen('backend', sink => sink.linesReceived === 3000, 'the lines to come in')
    t.equal(held.queueLines + held.unsettledLines, 2500, 'what did not arrive is held')
    await until(() => fanout.transitions.filter(event => event.to === 'open').length > 1, 'a probe to fail')

    backend.putUp()
    await fanout.transitionTo('backend', 'closed')
    logLines(fanout, 3000, 3500)
    await fanout.sinkWhen('backend', sink => sink.linesDelivered === 3500, 'all lines to arrive')
    t.same(backend.ids(), range(0, 3500))
    await fanout.close()
    t.same(backend.ids(), range(0, 3500), 'and none again at the end')
    checkSums(t, fanout)
  })
}

t.test('hold: an HTTP server that is killed and started again has every line, in order', async t => {
  const file = join(t.testdir(), 'posted')
  const start = async (port: number): Promise<{ server: ChildProcess, port: number }> => {
    const server = fork(resolve('test/fixtures/collector.js'), [file, String(port)])
    t.teardown(() => { server.kill('SIGKILL') })
    return { server, port: (await once(server, 'message'))[0] as number }
  }
  const { server, port } = await start(0)
  const fanout = openFanout({
    targets: [{ name: 'http', target: resolve('test/fixtures/sink-posts.js'), options: { url: `http://127.0.0.1:${port}/` }, breaker: SOON }],
    diagnostics: false
  })
  logLines(fanout, 0, 500)
  await fanout.sinkWhen('http', sink => sink.linesDelivered === 500, 'the first lines to arrive')
  server.kill('SIGKILL')
  await once(server, 'exit')
  logLines(fanout, 500, 1000)
  const { err } = await fanout.transitionTo('http', 'open')
  t.equal(fanout.transitions[0]?.reason, 'network')
  t.equal(err?.code, 'ECONNREFUSED', 'the system says why')
  logLines(fanout, 1000, 2000)

  await start(port)
  await fanout.sinkWhen('http', sink => sink.linesDelivered === 2000 && sink.state === 'closed', 'the rest to arrive')
  t.same(idsIn(file), range(0, 2000))
  await fanout.close()
  checkSums(t, fanout)
})

t.test('skip: what came while open is missing, and counted to the line; what came before is not', async t => {
  const backend = backendIn(t.testdir(), 'records-batches', { whenOpen: 'skip' })
  const fanout = openFanout({ targets: [backend.target], diagnostics: false })
  backend.takeDown()
  logLines(fanout, 0, 300)
  await fanout.transitionTo('backend', 'open')
  logLines(fanout, 300, 1300)
  await fanout.sinkWhen('backend', sink => sink.linesReceived === 1300, 'the lines to come in')
  backend.putUp()
  await fanout.transitionTo('backend', 'closed')
  logLines(fanout, 1300, 1500)
  const { linesSkipped } = await fanout.sinkWhen('backend', sink => sink.linesReceived === 1500 && sink.queueLines + sink.unsettledLines === 0, 'the rest to arrive')
  await fanout.close()

  // Lines that come at the very moment of a probe may be among those skipped, or not.
  const arrived = backend.ids()
  t.same(arrived.filter(id => id < 300), range(0, 300), 'what was queued at the trip stays')
  t.same(arrived.filter(id => id >= 1300), range(1300, 1500), 'what came after recovery arrives')
  t.same(arrived, [...new Set(arrived)].sort((a, b) => a - b), 'in order')
  t.equal(arrived.length + linesSkipped, 1500)
  t.equal(linesSkipped, 1000)
  checkSums(t, fanout)
})

t.test('fallback: what the sink did not get is in the file of its standby, and stays there', async t => {
  const dir = t.testdir()
  const backend = backendIn(dir, 'records-batches', { whenOpen: 'fallback', fallback: 'standby' })
  const standby = join(dir, 'standby.log')
  const fanout = openFanout({ targets: [backend.target, { name: 'standby', target: 'pino/file', options: { destination: standby }, standby: true }], diagnostics: false })
  logLines(fanout, 0, 300)
  await fanout.sinkWhen('backend', sink => sink.linesDelivered === 300, 'the first lines to arrive')
  t.same(idsIn(standby), [])
  backend.takeDown()
  logLines(fanout, 300, 500)
  await fanout.transitionTo('backend', 'open')
  logLines(fanout, 500, 1000)
  await fanout.sinkWhen('backend', sink => sink.linesReceived === 1000, 'the lines to come in')
  backend.putUp()
  // An idle breaker probes with the next lines that come.
  let next = 1000
  await until(() => {
    logLines(fanout, next, ++next)
    return fanout.transitions.some(event => event.to === 'closed')
  }, 'the breaker to close')
  const last = next + 200
  logLines(fanout, next, last)
  await fanout.close()

  const [primary, other] = [backend.ids(), idsIn(standby)]
  t.same([...primary, ...other].sort((a, b) => a - b), range(0, last), 'each line is in one place')
  t.same(other.filter(id => id < 1000), range(300, 1000))
  t.same(primary.filter(id => id >= next), range(next, last), 'the sink has its lines again')
  t.equal(lastOf(fanout, 'backend').linesFallback, other.length)
  t.equal(lastOf(fanout, 'standby').linesDelivered, other.length)
  checkSums(t, fanout)
})

t.test('fallback: a standby that is broken too passes lines on to its own', async t => {
  const dir = t.testdir()
  const first = backendIn(dir, 'records-batches', { whenOpen: 'fallback', fallback: 'second', breaker: { failureThreshold: 1, recoveryTimeoutMs: 60000 } }, 'first')
  const second = backendIn(dir, 'records-batches', { standby: true, fallback: 'third', breaker: { failureThreshold: 1, recoveryTimeoutMs: 60000 } }, 'second')
  const third = join(dir, 'third.log')
  first.takeDown()
  second.takeDown()
  const fanout = openFanout({ targets: [first.target, second.target, { name: 'third', target: 'pino/file', options: { destination: third }, standby: true }], diagnostics: false })
  logLines(fanout, 0, 300)
  await fanout.transitionTo('second', 'open')
  logLines(fanout, 300, 600)
  await fanout.sinkWhen('third', sink => sink.linesDelivered === 600, 'all lines to be in the last of the chain')
  await fanout.close()
  t.same(idsIn(third), range(0, 600))
  t.same([first.ids(), second.ids()], [[], []])
  t.equal(lastOf(fanout, 'first').linesFallback, 600)
  t.equal(lastOf(fanout, 'second').linesFallback, 600)
  checkSums(t, fanout)
})

t.test('fallback: at the end of the chain stands stderr', async t => {
  const dir = t.testdir()
  const first = backendIn(dir, 'records-batches', { whenOpen: 'fallback', fallback: 'second', breaker: { failureThreshold: 1, recoveryTimeoutMs: 60000 } }, 'first')
  const second = backendIn(dir, 'records-batches', { standby: true, breaker: { failureThreshold: 1, recoveryTimeoutMs: 60000 } }, 'second')
  first.takeDown()
  second.takeDown()
  const { code, stderr } = await runLogger({ options: { targets: [first.target, second.target], diagnostics: false }, lines: 3000, ending: 'loop' })
  t.equal(code, 0)
  t.same(stderr.split('\n').slice(0, -1).map(line => (JSON.parse(line) as { id: number }).id), range(0, 3000))
})

t.test('while open nothing is attempted; then there is one probe at a time, and its success closes the breaker', async t => {
  const backend = backendIn(t.testdir(), 'records-batches', { breaker: { failureThreshold: 3, recoveryTimeoutMs: 400 } })
  const fanout = openFanout({ targets: [backend.target], diagnostics: false })
  backend.takeDown()
  logLines(fanout, 0, 5000, 'x'.repeat(200))
  await fanout.transitionTo('backend', 'open')
  logLines(fanout, 5000, 6000)
  await until(() => fanout.transitions.filter(event => event.to === 'open').length === 3, 'two probes to fail')
  backend.putUp()
  await fanout.transitionTo('backend', 'closed')
  await fanout.sinkWhen('backend', sink => sink.linesDelivered === 6000, 'all lines to arrive')
  await fanout.close()

  const { transitions } = fanout
  t.same(steps(transitions), [
    'closed > open: write-error',
    'open > half-open: recovery-due', 'half-open > open: write-error',
    'open > half-open: recovery-due', 'half-open > open: write-error',
    'open > half-open: recovery-due', 'half-open > closed: probe-succeeded'
  ])
  t.same(transitions.map(({ generation }) => generation), transitions.map((_, i) => (transitions[0]?.generation ?? 0) + i), 'no transition is missing')
  for (const event of transitions) if (event.to === 'half-open') t.ok(event.openForMs >= 400, `it was open for ${event.openForMs} ms`)
  t.equal(transitions[0]?.consecutiveFailures, 3)
  t.equal(transitions[0]?.retryInMs, 400)

  const attempts = backend.attempts()
  t.equal(attempts.filter(({ time }) => time <= (transitions[0]?.time as number)).length, 3, 'as many attempts as the threshold says')
  for (const [i, { to, time }] of transitions.entries()) {
    const until = transitions[i + 1]?.time ?? Infinity
    const during = attempts.filter(attempt => attempt.time > time && attempt.time < until)
    if (to === 'open') t.same(during, [], 'none while open')
    if (to !== 'half-open') continue
    const probes = attempts.filter(attempt => attempt.time >= time && attempt.time <= until).slice(0, 1)
    t.ok(during.length <= 1 && probes.length === 1, 'one while half-open')
    t.ok((probes[0]?.bytes as number) <= 64 * 1024, 'of at most 64 KiB')
  }
  t.equal(attempts[3]?.id, attempts[0]?.id, 'the probe bears the id of its first line')
  t.equal(attempts[3]?.attempt, 4)
  t.same(backend.ids(), range(0, 6000))
  checkSums(t, fanout)
})

t.test('breaker: false: a sink that fails is tried again and again, and nothing is ever skipped', async t => {
  const backend = backendIn(t.testdir(), 'records-batches', { breaker: false, whenOpen: 'skip' })
  const fanout = openFanout({ targets: [backend.target], diagnostics: false })
  backend.takeDown()
  logLines(fanout, 0, 500)
  const failed = await fanout.sinkWhen('backend', sink => (sink.failures['write-error'] ?? 0) >= 4, 'the sink to fail')
  t.equal(failed.state, 'closed')
  logLines(fanout, 500, 1000)
  backend.putUp()
  await fanout.sinkWhen('backend', sink => sink.linesDelivered === 1000, 'all lines to arrive')
  await fanout.close()
  t.same(backend.ids(), range(0, 1000))
  t.same(fanout.transitions, [])
  checkSums(t, fanout)
})

t.test('breaker: false: a stream that fails is built again', async t => {
  const backend = backendIn(t.testdir(), 'records-writes', { breaker: false })
  const fanout = openFanout({ targets: [backend.target], diagnostics: false })
  backend.takeDown()
  logLines(fanout, 0, 500)
  await fanout.sinkWhen('backend', sink => sink.restarts >= 2, 'the sink to be started again')
  backend.putUp()
  await fanout.sinkWhen('backend', sink => sink.linesDelivered === 500, 'all lines to arrive')
  await fanout.close()
  t.same(backend.ids(), range(0, 500))
  t.same(fanout.transitions, [])
  checkSums(t, fanout)
})

t.test('mode observe: transitions are reported, and every line still goes', async t => {
  const backend = backendIn(t.testdir(), 'records-batches', { breaker: { ...SOON, mode: 'observe' }, whenOpen: 'skip' })
  const fanout = openFanout({ targets: [backend.target], diagnostics: false })
  backend.takeDown()
  logLines(fanout, 0, 500)
  const { time } = await fanout.transitionTo('backend', 'open')
  logLines(fanout, 500, 1000)
  await until(() => backend.attempts().filter(attempt => attempt.time > time).length > 2, 'attempts while it would be open')
  backend.putUp()
  await fanout.transitionTo('backend', 'closed')
  await fanout.sinkWhen('backend', sink => sink.linesDelivered === 1000, 'all lines to arrive')
  await fanout.close()
  t.same(backend.ids(), range(0, 1000))
  t.equal(lastOf(fanout, 'backend').linesSkipped, 0)
  checkSums(t, fanout)
})

t.test('redelivery at-most-once: what was handed over when the sink failed is dropped and counted, never sent again', async t => {
  const backend = backendIn(t.testdir(), 'records-batches', { redelivery: 'at-most-once' })
  const fanout = openFanout({ targets: [backend.target], diagnostics: false })
  logLines(fanout, 0, 300)
  await fanout.sinkWhen('backend', sink => sink.linesDelivered === 300, 'the first lines to arrive')
  backend.takeDown()
  logLines(fanout, 300, 500)
  await fanout.sinkWhen('backend', sink => (sink.failures['write-error'] ?? 0) === 1, 'a failure')
  logLines(fanout, 500, 1000)
  await fanout.transitionTo('backend', 'open')
  logLines(fanout, 1000, 2000)
  await fanout.sinkWhen('backend', sink => sink.linesReceived === 2000, 'the lines to come in')
  backend.putUp()
  const { linesDropped } = await fanout.sinkWhen('backend', sink => sink.queueLines + sink.unsettledLines === 0, 'every line to arrive, or to be lost with a probe')
  await fanout.close()

  const attempts = backend.attempts()
  t.same(attempts.filter(({ attempt }) => attempt !== 1), [], 'no line is tried twice')
  t.equal(new Set(attempts.map(({ id }) => id)).size, attempts.length)
  const arrived = backend.ids()
  t.same(arrived, [...new Set(arrived)].sort((a, b) => a - b))
  t.ok((linesDropped['at-most-once'] ?? 0) >= 1)
  t.equal(arrived.length + (linesDropped['at-most-once'] ?? 0), 2000)
  checkSums(t, fanout)
})

for (const overflow of ['drop-oldest', 'drop-newest', 'block'] as const) {
  t.test(`a full queue beside a sink that hangs, ${overflow}: the bound holds, and what is lost is counted`, async t => {
    const backend = backendIn(t.testdir(), 'records-batches', { queue: { maxLines: 200, overflow, blockTimeoutMs: 50 } }, 'backend', { hangs: true })
    const file = join(t.testdirName, 'file.log')
    const fanout = openFanout({ targets: [backend.target, { target: 'pino/file', options: { destination: file } }], diagnostics: false })
    backend.takeDown()
    logLines(fanout, 0, 50)
    await until(() => backend.attempts().length === 1, 'a batch to hang')
    for (let id = 50; id < 2050; id += 100) {
      logLines(fanout, id, id + 100)
      await fanout.sinkWhen('backend', sink => sink.linesReceived === id + 100, 'the lines to come in')
    }
    const { linesDropped } = lastOf(fanout, 'backend')
    backend.putUp()
    await fanout.sinkWhen('backend', sink => sink.queueLines + sink.unsettledLines === 0, 'the rest to arrive')
    await fanout.close()

    t.same(linesDropped, { 'queue-full': 1850 })
    const sinks = fanout.snapshots.flatMap(({ sinks }) => sinks).filter(({ name }) => name === 'backend')
    t.ok(sinks.every(sink => sink.queueLines + sink.unsettledLines <= 300), 'it holds the bound, and what waits at the door')
    const hung = backend.attempts()[0]?.count as number
    t.same(backend.ids(), overflow === 'drop-newest' ? range(0, 200) : [...range(0, hung), ...range(1850 + hung, 2050)])
    t.same(idsIn(file), range(0, 2050), 'the file beside it has every line')
    checkSums(t, fanout)
  })
}

t.test('block: a sink that is slow, but moves, gets every line', async t => {
  const dir = t.testdir()
  const file = join(dir, 'slow.log')
  const fanout = openFanout({
    targets: [{ name: 'slow', target: resolve('test/fixtures/sink-takes-its-time.js'), options: { file, ms: 2 }, queue: { maxLines: 100, overflow: 'block' } }],
    diagnostics: false
  })
  logLines(fanout, 0, 20000)
  await fanout.sinkWhen('slow', sink => sink.linesDelivered === 20000, 'all lines to arrive')
  await fanout.close()
  t.same(idsIn(file), range(0, 20000))
  t.same(lastOf(fanout, 'slow').linesDropped, {})
  checkSums(t, fanout)
})

t.test('a burst beyond the queue costs a healthy sink nothing', async t => {
  const backend = backendIn(t.testdir(), 'records-batches', { queue: { maxLines: 1000 } })
  const fanout = openFanout({ targets: [backend.target], diagnostics: false })
  // A sink that has not started yet has not shown its pace.
  logLines(fanout, 0, 1)
  await fanout.sinkWhen('backend', sink => sink.linesDelivered === 1, 'the first line to arrive')
  logLines(fanout, 1, 30000)
  await fanout.sinkWhen('backend', sink => sink.linesDelivered === 30000, 'all lines to arrive')
  await fanout.close()
  t.same(backend.ids(), range(0, 30000))
  checkSums(t, fanout)
})
