import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BreakerOptions, FanoutOptions, TransitionEvent } from 'pino-breaker-fanout'
import t, { type Test } from 'tap'
import { accountedLines, openFanout, until, type FanoutRig } from '../support/fanout-rig.js'
import { openBackend, type HttpBackend } from '../support/http-backend.js'
import { startApp } from '../support/run-app.js'

/** A backend that stores lines, and the target that sends lines there. */
async function storingBackend (t: Test, breaker: BreakerOptions): Promise<{ backend: HttpBackend, stored: number[], store: HttpBackend['answer'], target: FanoutOptions['targets'][number] & { name: string } }> {
  const backend = await openBackend(t)
  const stored: number[] = []
  const store: HttpBackend['answer'] = (response, { body }) => {
    stored.push(...body.trimEnd().split('\n').map(line => (JSON.parse(line) as { id: number }).id))
    response.writeHead(204).end()
  }
  backend.answer = store
  return { backend, stored, store, target: { name: 'backend', target: 'pino-breaker-fanout/http', options: { url: backend.url }, batch: { maxMs: 20 }, breaker } }
}

/** Logs a numbered line every 10 ms; the returned function ends that, and returns the number of lines. */
function logLines (t: Test, { log }: FanoutRig): () => number {
  let id = 0
  const timer = setInterval(() => { log.info({ id: id++ }) }, 10)
  t.teardown(() => { clearInterval(timer) })
  return () => {
    clearInterval(timer)
    return id
  }
}

function storyOf (transitions: readonly TransitionEvent[]): string[] {
  return transitions.map(({ from, to, reason }) => `${from} > ${to}: ${reason}`)
}

/** Every line has arrived once and in order, and each snapshot accounts for all lines. */
function checkLines (t: Test, { snapshots }: FanoutRig, stored: readonly number[], count: number): void {
  t.strictSame(stored, Array.from({ length: count }, (_, id) => id), `${count} lines have arrived, each once, in order`)
  t.same(snapshots.flatMap(({ sinks }) => sinks).filter(sink => sink.linesReceived !== accountedLines(sink)), [], 'every line is accounted for at every step')
}

t.test('a backend that answers every second request with 503 trips by rate and not by threshold, and recovers with every line', async t => {
  const { backend, stored, store, target } = await storingBackend(t, { failureThreshold: 3, failureRate: 0.5, recoveryTimeoutMs: 1500 })
  const fanout = openFanout({ targets: [target], diagnostics: false })
  const end = logLines(t, fanout)
  backend.answer = (response, request) => {
    if (backend.requests.length % 2 === 0) store(response, request)
    else response.writeHead(503).end()
  }
  const opened = await fanout.transitionTo('backend', 'open')
  backend.answer = store
  t.match(opened, { from: 'closed', reason: 'failure-rate', consecutiveFailures: 1, err: { statusCode: 503 } })
  t.ok(Number(opened.attempts) >= 10 && Number(opened.failureRate) >= 0.5, JSON.stringify(opened))
  await fanout.transitionTo('backend', 'closed')
  const count = end()
  await fanout.sinkWhen('backend', sink => sink.linesDelivered === count, 'every line to arrive')
  t.strictSame(storyOf(fanout.transitions), ['closed > open: failure-rate', 'open > half-open: recovery-due', 'half-open > closed: probe-succeeded'])
  const { transitions } = fanout.snapshots.at(-1)?.sinks[0] ?? {}
  t.match(transitions, [{ from: 'closed', to: 'open', reason: 'failure-rate', count: 1 }])
  await fanout.close()
  checkLines(t, fanout, stored, count)
})

t.test('a backend that slows from 5 ms to 2 s trips by slowness, its lines are held, and all arrive once it is fast again', async t => {
  const { backend, stored, store, target } = await storingBackend(t, { slowMs: 500, windowMs: 3000, recoveryTimeoutMs: 500 })
  const fanout = openFanout({ targets: [target], diagnostics: false })
  const end = logLines(t, fanout)
  const after = (ms: number): HttpBackend['answer'] => (response, request) => { setTimeout(() => { store(response, request) }, ms) }
  backend.answer = after(5)
  await fanout.sinkWhen('backend', sink => sink.attempts.count >= 20, 'some lines to arrive at once')
  backend.answer = after(2000)
  const opened = await fanout.transitionTo('backend', 'open')
  t.match(opened, { from: 'closed', reason: 'slow', consecutiveFailures: 0 })
  t.ok(Number(opened.slowRate) >= 0.5 && Number(opened.tookMs) > 500, JSON.stringify(opened))
  await until(() => fanout.transitions.some(({ from, reason }) => from === 'half-open' && reason === 'slow'), 'a slow probe to open it again')
  const held = await fanout.sinkWhen('backend', sink => sink.state !== 'closed' && sink.queueLines > 0, 'lines to be held')
  t.same([held.linesDropped, held.linesSkipped, held.failures, held.restarts], [{}, 0, {}, 0])
  backend.answer = after(5)
  await fanout.transitionTo('backend', 'closed')
  const count = end()
  await fanout.sinkWhen('backend', sink => sink.linesDelivered === count, 'every line to arrive')
  await fanout.close()
  checkLines(t, fanout, stored, count)
})

/** One slow attempt opens it. */
const STRICT: BreakerOptions = { slowMs: 1000, slowRate: 0.001, minimumAttempts: 1 }
const STANDSTILL_MS = 2000

t.test('an app that is stopped while a request is under way has not met a slow backend', async t => {
  const backend = await openBackend(t)
  const app = startApp({
    transport: { target: 'pino-breaker-fanout', options: { metricsIntervalMs: 20, targets: [{ name: 'backend', target: 'pino-breaker-fanout/http', options: { url: backend.url }, batch: { maxMs: 0 }, breaker: STRICT }] } },
    lines: 4,
    linesPerTurn: 1,
    turnMs: 100,
    awaitsReady: true,
    ending: 'close'
  }, 60000)
  let requests = 0
  backend.answer = response => {
    const isFirst = ++requests === 1
    if (isFirst) app.kill('SIGSTOP')
    response.writeHead(204).end()
    if (isFirst) setTimeout(() => { app.kill('SIGCONT') }, STANDSTILL_MS)
  }
  const { breakerEvents, code, lastSnapshot } = await app.result
  t.equal(code, 0)
  t.ok(requests > 0)
  t.same(storyOf(breakerEvents), [])
  t.match(lastSnapshot?.sinks, [{ linesDelivered: 4, failures: {} }])
})

t.test("a sink that blocks the transport's thread makes no other sink slow", async t => {
  const dir = t.testdir()
  const [block, blocked] = [join(dir, 'block'), join(dir, 'blocked')]
  const backend = await openBackend(t)
  const fanout = openFanout({
    targets: [
      { name: 'blocker', isolation: 'inline', level: 'error', target: resolve('test/fixtures/sink-blocks-its-thread.js'), options: { block, blocked } },
      { name: 'backend', target: 'pino-breaker-fanout/http', options: { url: backend.url }, batch: { maxMs: 0 }, breaker: STRICT }
    ],
    diagnostics: false
  })
  fanout.log.info('a')
  await fanout.sinkWhen('backend', sink => sink.linesDelivered === 1, 'a line to arrive')
  const arrived = new Promise<() => void>(resolve => { backend.answer = response => resolve(() => { response.writeHead(204).end() }) })
  fanout.log.info('b')
  const respond = await arrived
  writeFileSync(block, '')
  fanout.log.error('c')
  await until(() => existsSync(blocked), 'the thread to be blocked')
  respond()
  await sleep(STANDSTILL_MS)
  rmSync(block)
  backend.answer = response => { response.writeHead(204).end() }
  await fanout.sinkWhen('backend', sink => sink.linesDelivered === 3, 'all lines to arrive')
  t.same(storyOf(fanout.transitions), [])
  await fanout.close()
})
