import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { FanoutOptions, TargetOptions } from 'pino-breaker-fanout'
import t from 'tap'
import { openFanout, type FanoutRig } from '../support/fanout-rig.js'

interface Line {
  level: number
  msg: string
  name?: string
  sink?: string
}

function fileIn (dir: string, name: string, fields: Partial<TargetOptions> = {}): { target: TargetOptions, lines: () => Line[], texts: () => string[] } {
  const destination = join(dir, `${name}.log`)
  const lines = (): Line[] => readFileSync(destination, 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line) as Line)
  return { target: { name, target: 'pino/file', options: { destination }, ...fields } as TargetOptions, lines, texts: () => lines().map(({ msg }) => msg) }
}

async function logTo (options: FanoutOptions, write: (fanout: FanoutRig) => void | Promise<void>): Promise<void> {
  const fanout = openFanout(options, { level: 'trace' })
  await write(fanout)
  await fanout.close()
}

t.test('lines go to the files that match them, byte for byte and in order, beside their levels', async t => {
  const dir = t.testdir({})
  const all = fileIn(dir, 'all', { level: 'trace' })
  const audit = fileIn(dir, 'audit', { level: 'trace', match: { module: ['audit', 'billing'] } })
  const rest = fileIn(dir, 'rest', { level: 'info', match: { module: { not: ['audit', 'billing'] } } })
  const api = fileIn(dir, 'api', { level: 'warn', match: { url: { prefix: '/api' }, err: { exists: false } } })
  await logTo({ targets: [all.target, audit.target, rest.target, api.target], diagnostics: false }, ({ log }) => {
    const child = log.child({ module: 'audit' })
    log.trace('nothing')
    child.trace('of audit')
    log.info({ module: 'billing', ütf: '€' }, 'of billing')
    log.info({ inner: { module: 'audit' } }, 'of none')
    child.info({ module: 'web' }, 'of audit first, then of web')
    log.warn({ url: '/api/users' }, 'a request')
    log.error({ url: '/api/users', err: new Error('bad') }, 'a failed request')
    log.error({ url: '/' }, 'another')
  })
  const written = readFileSync(join(dir, 'all.log'), 'utf8').split('\n').slice(0, -1)
  t.equal(written.length, 8)
  const of = (...numbers: number[]): Line[] => numbers.map(number => JSON.parse(written[number] as string) as Line)
  t.strictSame(audit.lines(), of(1, 2))
  t.strictSame(rest.lines(), of(3, 4, 5, 6, 7))
  t.strictSame(api.lines(), of(5))
})

t.test('with dedupe a line goes to the highest level among the targets that match it', async t => {
  const dir = t.testdir({})
  const info = fileIn(dir, 'info', { level: 'info' })
  const audit = fileIn(dir, 'audit', { level: 'error', match: { module: 'audit' } })
  await logTo({ targets: [info.target, audit.target], dedupe: true, diagnostics: false }, ({ log }) => {
    log.error('an error')
    log.error({ module: 'audit' }, 'an error of audit')
    log.info({ module: 'audit' }, 'of audit')
  })
  t.strictSame(info.texts(), ['an error', 'of audit'])
  t.strictSame(audit.texts(), ['an error of audit'])
})

t.test('a sink in a thread that takes text gets the lines that it matches, and the counts are of these alone', async t => {
  const dir = t.testdir({ lines: '', attempts: '' })
  const [lines, attempts, down] = ['lines', 'attempts', 'down'].map(name => join(dir, name)) as [string, string, string]
  const sink = { name: 'sink', target: resolve('test/fixtures/sink-records-batches.js'), options: { lines, attempts, down }, match: { n: [1, 3] } }
  const fanout = openFanout({ targets: [fileIn(dir, 'all').target, sink] })
  for (let n = 0; n < 5; n++) fanout.log.info({ n }, 'é')
  const snapshot = await fanout.sinkWhen('sink', ({ linesDelivered }) => linesDelivered === 2, 'two lines to arrive')
  t.equal(snapshot.linesReceived, 2)
  await fanout.close()
  t.equal(readFileSync(lines, 'utf8'), '{"level":30,"n":1,"msg":"é"}\n{"level":30,"n":3,"msg":"é"}\n')
})

t.test('records go to the targets that match them, as long as there is one', async t => {
  const dir = t.testdir({})
  const [app, audit] = [fileIn(dir, 'app'), fileIn(dir, 'audit', { match: { module: 'audit' } })]
  const records = fileIn(dir, 'records', { match: { component: 'options' } })
  const unused = { name: 'unused', target: 'pino/file', standby: true, options: { destination: join(dir, 'unused.log') } }
  await logTo({ targets: [app.target, audit.target, records.target, unused] }, ({ log }) => { log.info('a line') })
  t.strictSame(app.lines().map(({ name = 'the app' }) => name).sort(), ['pino-breaker-fanout', 'the app'])
  t.strictSame(records.lines().map(({ name }) => name), ['pino-breaker-fanout'])
  t.strictSame(audit.lines(), [])
})

t.test('if no target matches a record, it goes by level alone, and a list of names goes before every match', async t => {
  const unused = { name: 'unused', target: 'pino/file', standby: true, options: { destination: 'unused.log' } }
  for (const diagnostics of [{}, { to: ['one'] }]) {
    const dir = t.testdir({})
    const [one, two] = [fileIn(dir, 'one', { match: { module: 'one' } }), fileIn(dir, 'two', { match: { module: 'two' } })]
    await logTo({ targets: [one.target, two.target, { ...unused, options: { destination: join(dir, 'unused.log') } }], diagnostics }, ({ log }) => { log.info('a line') })
    t.strictSame(one.lines().map(({ name }) => name), ['pino-breaker-fanout'])
    t.equal(two.lines().length, diagnostics.to === undefined ? 1 : 0)
  }
})

t.test('a standby target takes what it is handed, whatever its match', async t => {
  const dir = t.testdir({})
  const spare = fileIn(dir, 'spare', { standby: true, match: { module: 'web' } })
  const broken = { name: 'broken', target: resolve('test/fixtures/sink-factory-throws.js'), match: { module: 'audit' }, whenOpen: 'fallback' as const, fallback: 'spare', breaker: { failureThreshold: 1, recoveryTimeoutMs: 60000 } }
  await logTo({ targets: [fileIn(dir, 'all').target, broken, spare.target], diagnostics: false }, async fanout => {
    await fanout.transitionTo('broken', 'open')
    fanout.log.info({ module: 'audit' }, 'of audit')
    fanout.log.info({ module: 'web' }, 'of web')
  })
  t.strictSame(spare.texts(), ['of audit'])
})
