import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TargetOptions } from 'pino-breaker-fanout'
import t from 'tap'
import { runLogger, type LoggerPlan } from '../support/logger-process.js'

const LINES = 5000
const ALL = Array.from({ length: LINES }, (_, id) => id)

function fileTarget (dir: string, fields: Partial<TargetOptions> = {}): { file: string, target: TargetOptions } {
  const file = join(dir, `${fields.name ?? 'app'}.log`)
  return { file, target: { target: 'pino/file', options: { destination: file }, ...fields } as TargetOptions }
}

/** A delivery sink that is down: each attempt fails, or hangs. */
function brokenTarget (dir: string, { hangs, ...fields }: { hangs: boolean } & Partial<TargetOptions>): TargetOptions {
  const [lines, attempts, down] = ['lines', 'attempts', 'down'].map(what => join(dir, what)) as [string, string, string]
  writeFileSync(down, '')
  return { name: 'broken', target: resolve('test/fixtures/sink-records-batches.js'), options: { lines, attempts, down, hangs }, ...fields } as TargetOptions
}

function idsIn (file: string): number[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => (JSON.parse(line) as { id: number }).id)
}

const endings: Array<{ name: string, plan: Pick<LoggerPlan, 'ending' | 'awaitsReady' | 'format'>, code: number }> = [
  { name: 'process.exit(0) right after the lines, before the worker is ready', plan: { ending: 'exit' }, code: 0 },
  { name: 'process.exit(0) right after the lines, once the worker is ready', plan: { ending: 'exit', awaitsReady: true }, code: 0 },
  { name: 'the end of the event loop', plan: { ending: 'loop' }, code: 0 },
  { name: 'the end of the event loop, once the worker is ready, in a CommonJS app', plan: { ending: 'loop', awaitsReady: true, format: 'cjs' }, code: 0 },
  { name: 'transport.end()', plan: { ending: 'end' }, code: 0 },
  { name: 'transport.end(), once the worker is ready', plan: { ending: 'end', awaitsReady: true }, code: 0 },
  { name: 'an uncaught exception, before the worker is ready', plan: { ending: 'throw' }, code: 1 },
  { name: 'an uncaught exception, once the worker is ready, in a CommonJS app', plan: { ending: 'throw', awaitsReady: true, format: 'cjs' }, code: 1 },
  { name: 'a rejection that nobody handles', plan: { ending: 'reject', awaitsReady: true }, code: 1 },
  { name: 'SIGTERM with a handler that ends', plan: { ending: 'sigterm', awaitsReady: true }, code: 0 },
  { name: 'SIGTERM with a handler that ends, in a CommonJS app, before the worker is ready', plan: { ending: 'sigterm', format: 'cjs' }, code: 0 }
]

for (const { name, plan, code } of endings) {
  for (const isBesideHung of [false, true]) {
    t.test(`${name}: the file is complete${isBesideHung ? ', beside a sink that hangs' : ''}`, async t => {
      const dir = t.testdir()
      const { file, target } = fileTarget(dir)
      const targets = isBesideHung ? [brokenTarget(dir, { hangs: true }), target] : [target]
      const run = await runLogger({ ...plan, options: { targets, diagnostics: false, closeTimeoutMs: 1500 }, lines: LINES })
      t.equal(run.code, code)
      t.equal(run.signal, null)
      if (code === 0) t.equal(run.stderr, '', 'nothing is complained about')
      t.same(idsIn(file), ALL)
    })
  }
}

for (const { name, plan } of endings.filter(({ code }) => code === 0)) {
  t.test(`${name}: what a sink in a thread prints while it ends is not lost`, async t => {
    const run = await runLogger({ ...plan, options: { targets: [{ target: resolve('test/fixtures/sink-prints.js') }], diagnostics: false }, lines: 1000 })
    t.same(run.stdout.match(/printed \d+/g), Array.from({ length: 1000 }, (_, id) => `printed ${id}`))
    t.match(run.stderr, /ended/)
  })
}

for (const format of ['esm', 'cjs'] as const) {
  t.test(`logger.flush() calls back once the lines are in the file, and not before (${format})`, async t => {
    const dir = t.testdir()
    const inline = fileTarget(dir)
    const thread = fileTarget(dir, { name: 'thread', isolation: 'thread' })
    const run = await runLogger({ ending: 'flush', format, options: { targets: [inline.target, thread.target], diagnostics: false }, lines: LINES })
    t.equal(run.signal, 'SIGKILL', 'it died in the callback')
    t.equal(run.stdout, 'ending\nflushed \n')
    t.same(idsIn(inline.file), ALL)
    t.same(idsIn(thread.file), ALL)
  })
}

t.test('logger.flush() calls back beside a sink that hangs too, with the lines in the file', async t => {
  const dir = t.testdir()
  const { file, target } = fileTarget(dir)
  const run = await runLogger({ ending: 'flush', options: { targets: [brokenTarget(dir, { hangs: true }), target], diagnostics: false }, lines: LINES })
  t.equal(run.signal, 'SIGKILL', 'it died in the callback')
  t.equal(run.stdout, 'ending\nflushed \n')
  t.same(idsIn(file), ALL)
})

t.test('logger.flush() passes over a sink whose breaker is open', async t => {
  const dir = t.testdir()
  const { file, target } = fileTarget(dir)
  const broken = brokenTarget(dir, { hangs: false, breaker: { failureThreshold: 1, recoveryTimeoutMs: 60000 } })
  const run = await runLogger({ ending: 'flush', options: { targets: [broken, target], diagnostics: false }, lines: LINES })
  t.equal(run.stdout, 'ending\nflushed \n')
  t.same(idsIn(file), ALL)
})

for (const isBesideHung of [false, true]) {
  t.test(`the fanout in the app's own main thread ends well${isBesideHung ? ', beside a sink that hangs' : ''}`, async t => {
    const dir = t.testdir()
    const inline = fileTarget(dir)
    const thread = fileTarget(dir, { name: 'thread', isolation: 'thread' })
    const targets = [inline.target, thread.target, ...isBesideHung ? [brokenTarget(dir, { hangs: true })] : []]
    const run = await runLogger({ app: 'in-process', ending: 'end', options: { targets, diagnostics: false, closeTimeoutMs: 1500 }, lines: LINES })
    t.equal(run.code, 0)
    t.equal(run.stdout, 'ending\nclosed\n')
    t.equal(run.stderr, '')
    t.same(idsIn(inline.file), ALL)
    t.same(idsIn(thread.file), ALL)
  })
}
