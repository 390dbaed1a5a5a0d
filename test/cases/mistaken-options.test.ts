// Kind: options are read as something else than what was meant, in silence or with a message that tells no place. What
// pino makes of them on their way to its worker (a structured clone, a spread) is part of it.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { closeTransport } from '../support/fanout-rig.js'
import { readLogFile } from '../support/log-file.js'

const LIMIT_MS = 20000

function start (options: unknown, beside: object = {}): ReturnType<typeof pino.transport> {
  return pino.transport({ target: 'pino-breaker-fanout', options: options as Record<string, unknown>, ...beside })
}

function canClone (value: object): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}

for (const [what, options, message] of [
  ['a URL object as a target', { targets: [{ target: new URL('file:///app/sink.js') }] }, 'targets[0].target: expected a non-empty string, got an empty object; if it was a URL object, write its text: url.href'],
  ['a list in place of the options', [{ target: 'pino/file' }], 'options: expected an object, got an array'],
  ['a text in place of the options', 'pino/file', 'options: expected an object, got "pino/file"']
] as const) {
  t.test(`${what} is told as such`, async t => {
    // Since Node.js 22 pino cannot hand a URL object to a worker, and says so itself.
    if (Array.isArray((options as { targets?: unknown }).targets) && !canClone(new URL('file:///'))) {
      t.throws(() => start(options), { name: 'DataCloneError' })
      return
    }
    const transport = start(options)
    const closed = once(transport, 'close', { signal: AbortSignal.timeout(LIMIT_MS) }).catch((error: unknown) => error)
    const [error] = await once(transport, 'error', { signal: AbortSignal.timeout(LIMIT_MS) }).catch((thrown: unknown) => [thrown]) as [Error]
    t.equal(error.message, `ERR_FANOUT_OPTIONS: ${message}`)
    await closed
  })
}

t.test('a function among the options is refused by pino.transport() itself', async t => {
  t.throws(() => start({ targets: [{ target: 'pino/file', options: { retryEAGAIN: () => true } }] }), { name: 'DataCloneError' })
})

t.test('warnings are records of the log, once each', async t => {
  const file = join(t.testdir(), 'app.log')
  const target = { target: 'pino/file', options: { destination: file } }
  const transport = start({ targets: [target, { ...target, level: 'warning', queue: { protectLevel: 'errors' }, options: { destination: file, breaker: {} } }], breaker: { recoveryTimeoutMs: 30 }, diagnostics: { to: ['file'], level: 'warnings' } })
  await once(transport, 'ready')
  pino(transport).info({ id: 1 })
  await closeTransport(transport)
  const { ids, diagnostics } = readLogFile(file)
  t.same(ids, [1, 1])
  const levels = 'expected a number or one of trace, debug, info, warn, error, fatal, silent; did you mean "warn"?'
  t.same(diagnostics.map(({ component, msg }) => `${component}: ${msg}`), [
    'options: targets[1].options.breaker has no effect there: move it out of the options, beside "target"',
    'options: targets[1].options is the same file as that of targets[0]: lines that both take come twice',
    'options: breaker.recoveryTimeoutMs is 30 ms; did you mean 30000?',
    `options: target "file-2" takes "info" and above: there is no level "warning", ${levels}`,
    `options: target "file-2" protects no lines: there is no level "errors", ${levels.replace('"warn"', '"error"')}`,
    `options: diagnostics.level is taken for "info": there is no level "warnings", ${levels}`
  ])
})

t.test('levels and dedupe of pino.transport() itself hold for the transport', async t => {
  const dir = t.testdir()
  const fileAt = (level: string): object => ({ target: 'pino/file', level, options: { destination: join(dir, level) } })
  const transport = start({ targets: [fileAt('info'), fileAt('audit')], diagnostics: false }, { levels: { audit: 35 }, dedupe: true })
  await once(transport, 'ready')
  const log = pino({ customLevels: { audit: 35 } }, transport)
  log.info({ id: 1 })
  log.audit({ id: 2 })
  await closeTransport(transport)
  t.same([readLogFile(join(dir, 'info')).ids, readLogFile(join(dir, 'audit')).ids], [[1], [2]])
})

t.test('two loggers on one transport: numbers are routed for both, and labels are those of the first', async t => {
  const dir = t.testdir()
  const fileAt = (level: string | number): object => ({ target: 'pino/file', level, options: { destination: join(dir, String(level)) } })
  const transport = start({ targets: [fileAt('audit'), fileAt('trade'), fileAt(45)] })
  await once(transport, 'ready')
  const first = pino({ customLevels: { audit: 35 } }, transport)
  const second = pino({ customLevels: { trade: 45 } }, transport)
  first.audit({ id: 1 })
  second.trade({ id: 2 })
  second.info({ id: 3 })
  await closeTransport(transport)
  const of = (name: string): ReturnType<typeof readLogFile> => readLogFile(join(dir, name))
  t.same([of('audit').ids, of('trade').ids, of('45').ids], [[1, 2], [1, 2, 3], [2]])
  t.ok(of('audit').diagnostics.some(({ msg }) => msg.startsWith('target "file-2" takes "info" and above: there is no level "trade"')))
})

t.test('labels that differ in case only are two levels', async t => {
  const dir = t.testdir()
  const fileAt = (level: string): object => ({ target: 'pino/file', level, options: { destination: join(dir, level) } })
  const transport = start({ targets: [fileAt('Audit'), fileAt('audit')] })
  await once(transport, 'ready')
  const log = pino({ customLevels: { Audit: 35, audit: 36 }, formatters: { level: level => ({ level }) } }, transport)
  log.Audit({ id: 35 })
  log.audit({ id: 36 })
  await closeTransport(transport)
  t.same([readLogFile(join(dir, 'Audit')).ids, readLogFile(join(dir, 'audit')).ids], [[35, 36], [36]])
})

t.test('crlf: true is kept, for one target and for several', async t => {
  const dir = t.testdir()
  const fileNamed = (name: string): object => ({ target: 'pino/file', options: { destination: join(dir, name) } })
  for (const names of [['one'], ['two', 'three']]) {
    const transport = start({ targets: names.map(fileNamed) })
    await once(transport, 'ready')
    pino({ crlf: true, base: null, timestamp: false }, transport).info('a line')
    await closeTransport(transport)
    for (const name of names) t.equal(readFileSync(join(dir, name), 'utf8'), '{"level":30,"msg":"a line"}\r\n')
  }
})
