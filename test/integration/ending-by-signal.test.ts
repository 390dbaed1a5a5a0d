import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { FanoutOptions } from 'pino-breaker-fanout'
import t, { type Test } from 'tap'
import { openBackend } from '../support/http-backend.js'
import { runProcess, type RunResult } from '../support/run-process.js'

const LIMIT_MS = 60000
const LINES = 100
const ALL = Array.from({ length: LINES }, (_, id) => id)
t.setTimeout(5 * LIMIT_MS)

const app = resolve('test/fixtures/app-waits-for-signals.js')
const HANDLED = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

function idsIn (text: string): number[] {
  const ids = text.split('\n').filter(line => line !== '').map(line => (JSON.parse(line) as { id: number }).id)
  return [...new Set(ids)].sort((a, b) => a - b)
}

/** Runs the app, and calls `act` once its lines are flushed. */
async function run (t: Test, options: FanoutOptions, plan: object, act: (kill: (signal: NodeJS.Signals) => void) => void): Promise<RunResult> {
  return await runProcess(process.execPath, [app, JSON.stringify({ options, lines: LINES, ...plan })], {
    cwd: t.testdirName,
    limitMs: LIMIT_MS,
    during: async child => {
      await new Promise<void>((resolve, reject) => {
        child.stdout?.on('data', (text: string) => { if (text.includes('flushed')) resolve() })
        child.once('close', () => reject(new Error('the app ended before its lines were flushed')))
      })
      act(signal => child.kill(signal))
    }
  })
}

for (const signal of HANDLED) {
  t.test(`${signal} with a handler: what was logged last is delivered, also if the signal comes twice`, async t => {
    const file = join(t.testdir(), 'app.log')
    const options = { targets: [{ target: 'pino/file', options: { destination: file } }], diagnostics: false } as FanoutOptions
    const { code, stderr } = await run(t, options, { handles: HANDLED }, kill => {
      kill(signal)
      kill(signal)
    })
    t.match({ code, stderr }, { code: 0, stderr: '' })
    t.same(idsIn(readFileSync(file, 'utf8')), [...ALL, LINES], 'with the line of the handler')
  })
}

for (const signal of [...HANDLED, 'SIGKILL', 'SIGABRT'] as const) {
  t.test(`${signal === 'SIGABRT' ? 'process.abort()' : `${signal} without a handler`}: what was flushed is in the file, and the next start sends what is in a spool`, async t => {
    const dir = t.testdir()
    const [plain, spooled] = [await openBackend(t), await openBackend(t)]
    const file = join(dir, 'app.log')
    const target = 'pino-breaker-fanout/http'
    const options = {
      targets: [
        { target: 'pino/file', options: { destination: file } },
        { name: 'plain', target, options: { url: plain.url } },
        { name: 'spooled', target, options: { url: spooled.url }, whenOpen: 'spool', spool: { dir: join(dir, 'spool'), mode: 'always' } }
      ],
      batch: { maxMs: 10 },
      breaker: { failureThreshold: 1, recoveryTimeoutMs: 100 },
      diagnostics: false
    } as FanoutOptions
    for (const backend of [plain, spooled]) backend.answer = response => { response.writeHead(503).end() }
    const killed = await run(t, options, { aborts: signal === 'SIGABRT' }, kill => { if (signal !== 'SIGABRT') kill(signal) })
    t.equal(killed.signal, signal)
    t.same(idsIn(readFileSync(file, 'utf8')), ALL)

    for (const backend of [plain, spooled]) {
      backend.requests.length = 0
      backend.answer = response => { response.writeHead(204).end() }
    }
    writeFileSync(file, '')
    const next = await run(t, options, { lines: 1, handles: ['SIGTERM'] }, kill => kill('SIGTERM'))
    t.equal(next.code, 0)
    const arrived = (backend: typeof plain): number[] => idsIn(backend.requests.map(({ body }) => body).join(''))
    t.same(arrived(spooled), ALL, 'the spool lost none')
    t.same(arrived(plain), [0, 1], 'memory kept none: these are of the next start')
  })
}
