import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { SinkSnapshot } from 'pino-breaker-fanout'
import { faults, fixturePath, optionsOf, processFaults, type Fault } from '../support/faults.js'
import { readLogFile } from '../support/log-file.js'
import { runApp, type AppPlan, type AppResult } from '../support/run-app.js'

const LINES = 10000
const FEWER_LINES = 2000
const CLOSE_TIMEOUT_MS = 1500
/** What a busy machine may add. With it the end stays below the 10 s after which thread-stream would throw. */
const BUSY_MS = 6000
const LIMIT_MS = 60000
// A third of the runs is not counted for the coverage, which is dear. Node passes the variable on unless it is there.
const UNCOUNTED = { ...process.env, NODE_V8_COVERAGE: undefined }

t.jobs = 2
t.setTimeout(600000)

/** How long the app takes for its end beside a healthy sink, busy as the machine may be. */
const healthyEndMs = await measureHealthyEnd()

for (const fault of [...faults, ...processFaults]) {
  for (const isolation of isolationsFor(fault)) {
    t.test(`a sink (${isolation}) that ${fault.does} costs no line elsewhere, and is noticed`, { buffered: true }, async t => {
      const dir = t.testdir()
      const destination = join(dir, 'healthy.ndjson')
      const reasons: readonly string[] = isolation === 'inline' && fault.isHidden ? [] : fault.reasons
      const result = await runApp({
        lines: LINES,
        awaitsReady: true,
        ending: 'close',
        awaitTripOf: reasons.length > 0 ? 'faulty' : undefined,
        // Otherwise the app might end before the sink has started.
        awaitDeliveryBy: reasons.length === 0 && fault.reasons.length === 0 ? 'faulty' : undefined,
        transport: transport(destination, { ...faultyTarget(fault, dir), ...impatience(fault), isolation })
      }, LIMIT_MS)
      const { ids, diagnostics } = readLogFile(destination)

      assertEndedWell(t, result)
      assertComplete(t, ids, LINES)
      const [file, faulty] = result.lastSnapshot?.sinks ?? []
      assertConserved(t, file)
      assertConserved(t, faulty)
      t.equal(file?.linesDelivered, file?.linesReceived, 'the file got all that it was given')

      t.strictSame(Object.keys(faulty?.failures ?? {}).filter(reason => reasons.length > 0 && !reasons.includes(reason)), [], 'it fails by no other reason than its own')
      if (reasons.length === 0) return
      t.ok(result.breakerEvents.some(({ sink, to, reason }) => sink === 'faulty' && to === 'open' && reasons.includes(reason)), 'its breaker opens')
      t.ok(diagnostics.some(({ sink, msg, reason }) => sink === 'faulty' && msg === 'sink circuit open' && reason !== undefined && reasons.includes(reason)), 'the file tells of it')
    })
  }

  t.test(`a sink that ${fault.does} does not keep the app from its end`, { buffered: true }, async t => {
    const dir = t.testdir()
    const destination = join(dir, 'healthy.ndjson')
    const isolation = processFaults.includes(fault) ? 'process' : 'thread'
    const result = await runApp({ lines: FEWER_LINES, awaitsReady: true, transport: transport(destination, { ...faultyTarget(fault, dir), isolation }) }, LIMIT_MS, UNCOUNTED)

    assertEndedWell(t, result)
    assertComplete(t, readLogFile(destination).ids, FEWER_LINES)
  })
}

function transport (destination: string, faulty: object): AppPlan['transport'] {
  return {
    target: 'pino-breaker-fanout',
    options: {
      targets: [{ name: 'file', target: 'pino/file', options: { destination } }, faulty],
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      metricsIntervalMs: 50
    }
  }
}

function isolationsFor (fault: Fault): ReadonlyArray<'thread' | 'process' | 'inline'> {
  if (processFaults.includes(fault)) return ['process']
  return fault.inline ? ['thread', 'process', 'inline'] : ['thread', 'process']
}

function faultyTarget (fault: Fault, dir: string): object {
  const { worker } = fault
  return { name: 'faulty', target: fixturePath(fault), options: optionsOf(fault, dir), ...(worker !== undefined && { worker }) }
}

/** Settings by which a fault is noticed at once, and by what it does rather than by how long it takes. */
function impatience ({ reasons }: Fault): object {
  return {
    breaker: { failureThreshold: 1, recoveryTimeoutMs: 300 },
    ...(reasons.includes('start-timeout') && { startTimeoutMs: 1000 }),
    ...(reasons.includes('write-timeout') && { writeTimeoutMs: 500 })
  }
}

async function measureHealthyEnd (): Promise<number> {
  const dir = t.testdir()
  const delays = await Promise.all(['one', 'two'].map(async name => {
    const [first, second] = [join(dir, `${name}-first.ndjson`), join(dir, `${name}-second.ndjson`)]
    const healthy = { name: 'healthy', target: 'pino/file', options: { destination: second }, isolation: 'thread' }
    const { endDelayMs = 0 } = await runApp({ lines: LINES, awaitsReady: true, ending: 'close', transport: transport(first, healthy) }, LIMIT_MS)
    return endDelayMs
  }))
  return Math.max(...delays)
}

function assertEndedWell (t: Test, { code, signal, timedOut, uncaught, endDelayMs }: AppResult): void {
  t.strictSame({ code, signal, timedOut, uncaught }, { code: 0, signal: null, timedOut: false, uncaught: [] }, 'the app ends by itself, without an error')
  t.ok(endDelayMs !== undefined && endDelayMs - healthyEndMs <= CLOSE_TIMEOUT_MS + BUSY_MS, `its end is delayed no longer than it may be (${endDelayMs} ms, against ${healthyEndMs} ms beside a healthy sink)`)
}

function assertComplete (t: Test, ids: readonly number[], lines: number): void {
  t.equal(ids.length, lines, 'the file has as many lines as the app logged')
  t.equal(ids.findIndex((id, n) => id !== n), -1, 'they are in order')
}

/** Every line ended in exactly one place, and none is left (DESIGN §7). */
function assertConserved (t: Test, sink: SinkSnapshot | undefined): void {
  if (sink === undefined) {
    t.fail('there is a snapshot')
    return
  }
  const { name, linesReceived, linesDelivered, linesSkipped, linesDropped, linesFallback, linesDeadLettered, queueLines, unsettledLines, spoolLines } = sink
  const dropped = Object.values(linesDropped).reduce((sum, lines) => sum + lines, 0)
  t.ok(linesReceived >= LINES, `"${name}" was given all lines`)
  t.equal(linesReceived, linesDelivered + linesSkipped + dropped + linesFallback + linesDeadLettered + spoolLines, `each line of "${name}" ended in one place`)
  t.strictSame({ queueLines, unsettledLines }, { queueLines: 0, unsettledLines: 0 }, `no line of "${name}" is left over`)
}
