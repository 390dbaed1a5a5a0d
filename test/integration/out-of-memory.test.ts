// A sink in a thread that fills its memory ends by itself, whatever version of Node.js runs the app.
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { readLogFile } from '../support/log-file.js'
import { nodes } from '../support/nodes.js'
import { runApp, type AppResult } from '../support/run-app.js'

const LINES = 1000
const LIMIT_MS = 120000
const LIMIT_MB = 64

t.setTimeout(1800000)

/** Runs an app that logs to a file, a healthy sink in a thread, and one that hoards. */
async function run (t: Test, path: string, what: string, { flags = [], target = {} }: { flags?: readonly string[], target?: object } = {}): Promise<AppResult> {
  const dir = t.testdir()
  const [file, healthy] = [join(dir, 'file.ndjson'), join(dir, 'healthy.ndjson')]
  const result = await runApp({
    lines: LINES,
    awaitsReady: true,
    awaitTripOf: 'hoarder',
    ending: 'close',
    transport: {
      target: 'pino-breaker-fanout',
      options: {
        targets: [
          { name: 'file', target: 'pino/file', options: { destination: file } },
          { name: 'healthy', target: 'pino/file', options: { destination: healthy }, isolation: 'thread' },
          { name: 'hoarder', target: resolve('test/fixtures/sink-hoards.js'), options: { what }, ...target }
        ],
        breaker: { failureThreshold: 1, recoveryTimeoutMs: 600000 },
        writeTimeoutMs: 100000,
        closeTimeoutMs: 5000,
        metricsIntervalMs: 100
      }
    }
  }, LIMIT_MS, { ...process.env, NODE_V8_COVERAGE: undefined }, [path, ...flags])
  const { code, signal, timedOut, uncaught } = result
  t.strictSame({ code, signal, timedOut, uncaught }, { code: 0, signal: null, timedOut: false, uncaught: [] }, 'the app ends by itself')
  for (const destination of [file, healthy]) {
    const lines = readLogFile(destination).ids
    t.strictSame({ count: lines.length, gap: lines.findIndex((id, n) => id !== n) }, { count: LINES, gap: -1 }, 'the others have every line')
  }
  return result
}

function assertOutOfMemory (t: Test, { breakerEvents, lastSnapshot }: AppResult): void {
  const trips = breakerEvents.filter(({ to }) => to === 'open').map(({ sink, reason }) => ({ sink, reason }))
  t.strictSame(trips[0], { sink: 'hoarder', reason: 'out-of-memory' }, 'its breaker tells why')
  t.ok(trips.every(({ sink }) => sink === 'hoarder'), 'no other breaker opens')
  t.strictSame(lastSnapshot?.sinks.map(({ name, failures }) => ({ name, isFailing: Object.keys(failures).length > 0 })), [
    { name: 'file', isFailing: false }, { name: 'healthy', isFailing: false }, { name: 'hoarder', isFailing: true }
  ])
}

const limited = { target: { worker: { resourceLimits: { maxOldGenerationSizeMb: LIMIT_MB } } } }

for (const { name, path, needed, canLook } of nodes()) {
  t.test(name, needed, async t => {
    // Without a look from outside, a list that doubles its memory ends the process.
    const contained = ['arrays', 'parsed', 'objects', 'turns', ...canLook ? ['numbers'] : []]
    for (const what of contained) {
      t.test(`a sink that hoards ${what} is ended before it ends the process`, async t => assertOutOfMemory(t, await run(t, path, what, limited)))
    }

    if (canLook) {
      t.test('the bound is below a limit for all threads too', async t => {
        assertOutOfMemory(t, await run(t, path, 'objects', { flags: ['--max-old-space-size=256'] }))
      })

      t.test('buffers are bounded as the heap of a thread without limits is', async t => {
        const result = await run(t, path, 'buffers', { flags: ['--max-old-space-size=256'] })
        assertOutOfMemory(t, result)
        t.match(result.breakerEvents[0]?.err?.message, /the buffers of its thread hold/)
      })
    }

    t.test('a thread whose loop makes arrays of a constant size can be terminated', async t => {
      const { breakerEvents } = await run(t, path, 'nothing', { target: { writeTimeoutMs: 1000 } })
      t.match(breakerEvents.find(({ to }) => to === 'open'), { sink: 'hoarder', reason: 'write-timeout' })
    })
  })
}
