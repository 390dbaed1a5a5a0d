import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { FanoutError } from '#lib/errors'
import { breakerDefaults } from '#lib/breaker'
import { propertiesOf, type SchemaNode } from '#lib/options/schema-node'
import { fanoutSchema, parseOptions, type BreakerOptions, type FanoutOptions, type FanoutSettings, type TargetOptions } from '#lib/options'
import { wrongOptions } from './wrong-options.js'

const { resolve: resolveHere } = createRequire(import.meta.url)
const file = { target: 'pino/file' }
const pretty = { target: 'pino-pretty' }

function parse (options: unknown, env: NodeJS.ProcessEnv = {}): FanoutSettings {
  return parseOptions(options, { env })
}

/** The settings of the first target. */
function first (options: FanoutOptions, env?: NodeJS.ProcessEnv) {
  const [target] = parse(options, env).targets
  if (target === undefined) throw new Error('there is no target')
  return target
}

function messageOf (options: unknown): string {
  try {
    parse(options)
  } catch (error) {
    return error instanceof FanoutError ? error.message : `not a fault: ${String(error)}`
  }
  return 'no fault'
}

for (const { what, options, env, message } of wrongOptions) {
  t.test(`refuses ${what}`, async (t) => {
    try {
      parse(options, env)
      t.fail('nothing was refused')
    } catch (error) {
      if (!(error instanceof FanoutError)) throw error
      t.equal(error.message, `ERR_FANOUT_OPTIONS: ${message}`)
      t.equal(error.code, 'ERR_FANOUT_OPTIONS')
    }
  })
}

t.test('the smallest options get every setting, each with its default', async (t) => {
  const { targets: [target, ...others], ...fanout } = parse({ targets: [pretty] })
  t.strictSame(others, [])
  t.strictSame(fanout, {
    levels: undefined,
    dedupe: false,
    levelKey: 'level',
    parallel: true,
    diagnostics: { to: 'others', level: 'info' },
    monitor: undefined,
    flush: { until: 'accepted', timeoutMs: 5000 },
    metricsIntervalMs: 0,
    closeTimeoutMs: 5000,
    maxLineBytes: 1048576,
    pinoWillSendConfig: false,
    warnings: []
  })
  t.strictSame(target, {
    name: 'pino-pretty',
    source: { kind: 'target', entry: { file: resolveHere('pino-pretty'), isPinoFile: false, ownSink: undefined, target: 'pino-pretty', options: undefined } },
    level: -Infinity,
    match: undefined,
    isolation: 'thread',
    worker: { resourceLimits: { maxYoungGenerationSizeMb: 12 } },
    breaker: breakerDefaults,
    queue: { maxBytes: 16777216, maxLines: 100000, overflow: 'drop-oldest', blockTimeoutMs: 2000 },
    batch: { maxMs: 0, maxBytes: 524288 },
    whenOpen: 'hold',
    fallback: undefined,
    standby: false,
    writeTimeoutMs: 10000,
    startTimeoutMs: 10000,
    redelivery: 'at-least-once',
    sense: { console: false },
    healthCheck: undefined,
    deadLetter: undefined,
    spool: undefined,
    failureEvents: ['insertError', 'socketError', 'socketClose', 'reconnectFailure', 'drop']
  })
})

t.test('every option comes out as it was given', async (t) => {
  const breaker: BreakerOptions = {
    enabled: true,
    failureThreshold: 2,
    recoveryTimeoutMs: 1,
    halfOpenMaxCalls: 3,
    successThreshold: 4,
    backoffMultiplier: 1.5,
    maxRecoveryTimeoutMs: 5,
    jitter: 0.5,
    settleMs: 0,
    mode: 'observe',
    failureRate: 0.1,
    slowMs: 3,
    slowRate: 1,
    windowMs: 4,
    minimumAttempts: 6
  }
  const queue = { maxBytes: 1, maxLines: 2, overflow: 'drop-newest', blockTimeoutMs: 0 } as const
  const worker = { resourceLimits: { maxOldGenerationSizeMb: 64 }, env: { A: 'b' }, execArgv: ['--no-warnings'], argv: ['x'], name: 'n' }
  const given: FanoutOptions = {
    targets: [
      {
        ...pretty,
        name: 'main',
        level: 35,
        isolation: 'inline',
        worker,
        breaker,
        queue,
        whenOpen: 'fallback',
        fallback: 'stderr',
        writeTimeoutMs: 7,
        startTimeoutMs: 8,
        redelivery: 'at-most-once',
        failureEvents: ['sulk']
      }
    ],
    levels: { audit: 35 },
    dedupe: true,
    levelKey: 'severity',
    parallel: false,
    diagnostics: { to: ['main'], level: 'warn' },
    monitor: { port: 12, host: '::', token: 'secret', actions: true },
    flush: { until: 'delivered' as const, timeoutMs: 12 },
    metricsIntervalMs: 9,
    closeTimeoutMs: 10,
    maxLineBytes: 11,
    env: false
  }
  const { targets: [target], ...fanout } = parse(given)
  t.match(target, { level: 35, isolation: 'inline', whenOpen: 'fallback', fallback: 'stderr', writeTimeoutMs: 7, startTimeoutMs: 8, redelivery: 'at-most-once' })
  t.strictSame(target?.breaker, breaker)
  t.strictSame(target?.queue, queue)
  t.strictSame(target?.worker, worker)
  t.match(fanout, {
    levels: { audit: 35 },
    dedupe: true,
    levelKey: 'severity',
    parallel: false,
    diagnostics: { to: ['main'], level: 'warn' },
    monitor: { place: { kind: 'port', host: '::', isLoopback: false, from: 12, to: 12 }, token: 'secret', actions: true },
    flush: { until: 'delivered', timeoutMs: 12 },
    metricsIntervalMs: 9,
    closeTimeoutMs: 10,
    maxLineBytes: 11
  })
})

t.test('pino/file runs inline and pushes back, unless told otherwise', async (t) => {
  t.match(first({ targets: [file] }), { isolation: 'inline', queue: { overflow: 'block' }, source: { entry: { isPinoFile: true } } })
  t.match(first({ targets: [file], isolation: 'thread', queue: { overflow: 'drop-newest' } }), { isolation: 'thread', queue: { overflow: 'drop-newest' } })
  t.match(first({ targets: [{ target: resolveHere('pino/file') }] }), { isolation: 'inline', queue: { overflow: 'block' } })
  t.match(first({ targets: [{ pipeline: [file] }] }), { isolation: 'thread', queue: { overflow: 'drop-oldest' } })
})

t.test('a target takes info and above, but everything if it is the only one', async (t) => {
  const levels = (options: FanoutOptions) => parse(options).targets.map(({ level }) => level)
  const standby = { ...pretty, name: 'standby', standby: true }
  t.strictSame(levels({ targets: [file, pretty] }), ['info', 'info'])
  t.strictSame(levels({ targets: [file] }), [-Infinity])
  t.strictSame(levels({ targets: [{ ...file, level: 'warn' }] }), ['warn'])
  t.strictSame(levels({ targets: [file], level: 'debug' }), ['debug'])
  t.strictSame(levels({ targets: [file, { ...pretty, level: 0 }], level: 'debug' }), ['debug', 0])
  t.strictSame(levels({ targets: [file, standby] }), [-Infinity, -Infinity])
  t.strictSame(levels({ targets: [file, pretty, { ...standby, level: 'error' }], level: 'debug' }), ['debug', 'debug', -Infinity], 'a standby target takes what it is handed')
})

t.test('the top level is the default of every target, and objects are put together field by field', async (t) => {
  const { targets: [own, inherited] } = parse({
    targets: [
      { ...pretty, breaker: { jitter: 1 }, queue: { maxLines: 5 }, worker: { resourceLimits: { stackSizeMb: 8 } }, writeTimeoutMs: 1 },
      pretty
    ],
    breaker: { jitter: 0.5, settleMs: 1 },
    queue: { maxBytes: 7 },
    worker: { name: 'w', resourceLimits: { codeRangeSizeMb: 4 } },
    writeTimeoutMs: 2,
    startTimeoutMs: 3,
    whenOpen: 'skip',
    redelivery: 'at-most-once'
  })
  t.match(own, {
    breaker: { ...breakerDefaults, jitter: 1, settleMs: 1 },
    queue: { maxBytes: 7, maxLines: 5, overflow: 'drop-oldest' },
    worker: { name: 'w', resourceLimits: { stackSizeMb: 8, codeRangeSizeMb: 4, maxYoungGenerationSizeMb: 12 } },
    writeTimeoutMs: 1
  })
  t.match(inherited, {
    breaker: { ...breakerDefaults, jitter: 0.5, settleMs: 1 },
    queue: { maxBytes: 7, maxLines: 100000 },
    worker: { name: 'w', resourceLimits: { codeRangeSizeMb: 4 } },
    writeTimeoutMs: 2,
    startTimeoutMs: 3,
    whenOpen: 'skip',
    redelivery: 'at-most-once'
  })
})

t.test('the recent objects of a thread get less memory than V8 would give them, unless it is given', async (t) => {
  const limits = (options: FanoutOptions) => first(options).worker.resourceLimits
  t.strictSame(limits({ targets: [{ ...pretty, worker: { resourceLimits: { stackSizeMb: 8 } } }] }), { maxYoungGenerationSizeMb: 12, stackSizeMb: 8 })
  t.strictSame(limits({ targets: [{ ...pretty, worker: { resourceLimits: { maxYoungGenerationSizeMb: 48 } } }] }), { maxYoungGenerationSizeMb: 48 })
  t.strictSame(limits({ targets: [pretty], worker: { resourceLimits: { maxYoungGenerationSizeMb: 48 } } }), { maxYoungGenerationSizeMb: 48 })
  t.equal(limits({ targets: [file] }), undefined, 'a target that runs inline has no thread')
})

t.test('a breaker is turned off by false, and on again by a target that has options for it', async (t) => {
  t.strictSame(first({ targets: [{ ...file, breaker: false }] }).breaker, { ...breakerDefaults, enabled: false })
  t.strictSame(first({ targets: [{ ...file, breaker: false }], breaker: { settleMs: 5 } }).breaker, { ...breakerDefaults, enabled: false })
  t.equal(first({ targets: [file], breaker: false }).breaker.enabled, false)
  t.equal(first({ targets: [{ ...file, breaker: {} }], breaker: false }).breaker.enabled, true)
  t.equal(first({ targets: [{ ...file, breaker: { settleMs: 5 } }], breaker: { enabled: false } }).breaker.enabled, false)
})

t.test('as many probes have to succeed as may be in flight, unless told otherwise', async (t) => {
  t.equal(first({ targets: [file], breaker: { halfOpenMaxCalls: 3 } }).breaker.successThreshold, 3)
  t.equal(first({ targets: [{ ...file, breaker: { halfOpenMaxCalls: 3 } }], breaker: { successThreshold: 2 } }).breaker.successThreshold, 2)
})

t.test('failure events are added to the default ones, each once', async (t) => {
  const defaults = first({ targets: [file] }).failureEvents
  t.strictSame(first({ targets: [file], failureEvents: ['drop', 'sulk', 'sulk'] }).failureEvents, [...defaults, 'sulk'])
  t.strictSame(first({ targets: [{ ...file, failureEvents: ['pout'] }], failureEvents: ['sulk'] }).failureEvents, [...defaults, 'pout'])
})

t.test('a pipeline has the sources of all its entries, and a name from the last one', async (t) => {
  const options = { colorize: false }
  const { name, source } = first({ targets: [{ pipeline: [{ ...pretty, options }, file] }] })
  t.equal(name, 'file')
  t.strictSame(source, {
    kind: 'pipeline',
    entries: [
      { file: resolveHere('pino-pretty'), isPinoFile: false, ownSink: undefined, target: 'pino-pretty', options },
      { file: resolveHere('pino/file'), isPinoFile: true, ownSink: undefined, target: 'pino/file', options: undefined }
    ]
  })
})

t.test('diagnostics are completed, or turned off', async (t) => {
  t.strictSame(parse({ targets: [file], diagnostics: { level: 40 } }).diagnostics, { to: 'others', level: 40 })
  t.strictSame(parse({ targets: [file], diagnostics: { to: 'stderr' } }).diagnostics, { to: 'stderr', level: 'info' })
  t.equal(parse({ targets: [file], diagnostics: false }).diagnostics, false)
})

t.test('an option that is undefined counts as not given', async (t) => {
  const options = { targets: [{ ...file, level: undefined, breaker: { settleMs: undefined } }], closeTimeoutMs: undefined }
  t.strictSame(parse(options), parse({ targets: [file] }))
})

t.test('the two keys that pino adds are no options', async (t) => {
  const settings = parse({ targets: [file], $context: { threadStreamVersion: '4.0.0' }, pinoWillSendConfig: true })
  t.equal(settings.pinoWillSendConfig, true)
  t.strictSame({ ...settings, pinoWillSendConfig: false }, parse({ targets: [file] }))
})

t.test('settings are frozen throughout, but a target\'s own options are handed on untouched', async (t) => {
  const own = { nested: { list: [1] } }
  const input = {
    targets: [{ ...pretty, options: own, worker: { env: { A: 'b' } }, failureEvents: ['x'] }, { pipeline: [{ ...pretty, options: own }] }],
    levels: { audit: 35 },
    diagnostics: { to: ['pino-pretty'] }
  }
  const before = structuredClone(input)
  const settings = parse(input)

  const unfrozen: string[] = []
  walk(settings, 'settings', (value, path) => {
    if (value === own) return false
    if (!Object.isFrozen(value)) unfrozen.push(path)
    return true
  })
  t.strictSame(unfrozen, [])
  t.strictSame(input, before)

  const [target, pipeline] = settings.targets
  t.equal(target?.source.kind === 'target' && target.source.entry.options, own)
  t.equal(pipeline?.source.kind === 'pipeline' && pipeline.source.entries[0]?.options, own)
  const reached: object[] = []
  walk(input, 'input', (value) => reached.push(value) > 0)
  t.notOk(reached.some(value => Object.isFrozen(value)), 'nothing of the user is frozen')
})

t.test('a standby target sends on to stderr what it cannot take', async (t) => {
  const policies = (options: FanoutOptions) => parse(options).targets.map(({ whenOpen, fallback }) => [whenOpen, fallback])
  const a = { ...pretty, name: 'a', standby: true }
  const b = { ...pretty, name: 'b', standby: true }

  t.strictSame(policies({ targets: [{ ...file, whenOpen: 'fallback', fallback: 'a' }, a] }), [['fallback', 'a'], ['fallback', 'stderr']])
  t.strictSame(policies({ targets: [file, a], whenOpen: 'fallback', fallback: 'a' }), [['fallback', 'a'], ['fallback', 'stderr']], 'and does not inherit itself')
  t.strictSame(policies({ targets: [file, { ...a, fallback: 'b' }, b], whenOpen: 'fallback', fallback: 'a' }), [['fallback', 'a'], ['fallback', 'b'], ['fallback', 'stderr']])
  t.strictSame(policies({ targets: [{ ...file, whenOpen: 'fallback', fallback: 'a' }, a], whenOpen: 'skip' }), [['fallback', 'a'], ['fallback', 'stderr']])
  t.strictSame(policies({ targets: [{ ...file, whenOpen: 'fallback', fallback: 'a' }, { ...a, whenOpen: 'fallback' }] }), [['fallback', 'a'], ['fallback', 'stderr']])
  t.strictSame(policies({ targets: [{ ...file, whenOpen: 'hold' }, pretty], whenOpen: 'fallback', fallback: 'stderr' }), [['hold', undefined], ['fallback', 'stderr']])
})

t.test('options for rates of a breaker that have no effect are told', async (t) => {
  const warningsOf = (breaker: FanoutOptions['breaker'], topLevel?: FanoutOptions['breaker'], more: object = {}): readonly string[] => {
    return parse({ targets: [{ ...pretty, name: 'loki', ...more, ...breaker !== undefined && { breaker } }], ...topLevel !== undefined && { breaker: topLevel } }).warnings
  }
  t.strictSame(warningsOf({ failureRate: 0.5, windowMs: 20000, minimumAttempts: 5 }), [])
  t.strictSame(warningsOf({ slowMs: 1000, slowRate: 0.8, windowMs: 20000, minimumAttempts: 5 }), [])
  t.strictSame(warningsOf({ slowRate: 0.5 }), ['The slowRate of the target "loki" has no effect: its breaker has no slowMs.'])
  t.strictSame(warningsOf({ failureRate: 0.5, slowRate: 0.8 }), ['The slowRate of the target "loki" has no effect: its breaker has no slowMs.'])
  t.strictSame(warningsOf({ windowMs: 5000, minimumAttempts: 10 }), [
    'The windowMs of the target "loki" has no effect: its breaker has no failureRate and no slowMs.',
    'The minimumAttempts of the target "loki" has no effect: its breaker has no failureRate and no slowMs.'
  ])
  t.strictSame(warningsOf(undefined, { slowRate: 0.8 }), ['The slowRate of the breaker has no effect: no target has a slowMs.'])
  t.strictSame(warningsOf(undefined, { windowMs: 5000 }), ['The windowMs of the breaker has no effect: no target has a failureRate or a slowMs.'])
  t.strictSame(warningsOf({ failureRate: 0.5 }, { windowMs: 5000 }), [])
  t.strictSame(warningsOf({ enabled: false, windowMs: 5000 }), [])
  t.strictSame(warningsOf({ slowMs: 9999 }), [])
  t.strictSame(warningsOf({ slowMs: 10000 }), ['The slowMs of the target "loki", 10000, is not below its writeTimeoutMs, 10000: an attempt that takes so long fails before it is slow.'])
  t.strictSame(warningsOf({ failureRate: 0.5 }, undefined, { batch: { maxMs: 2000 } }), [])
  t.strictSame(warningsOf({ failureRate: 0.5 }, undefined, { batch: { maxMs: 2001 } }), [
    'The failureRate of the target "loki" may have no effect: it gathers lines for 2001 ms (batch.maxMs), and 10000 ms (windowMs) are too short for 10 attempts (minimumAttempts).'
  ])
  t.strictSame(warningsOf({ slowMs: 2 }), ['targets[0].breaker.slowMs is 2 ms; did you mean 2000?'])
})

t.test('what has no effect is told, and is no fault', async (t) => {
  const standby = { ...pretty, name: 'spare', standby: true }
  t.strictSame(parse({ targets: [file, standby] }).warnings, ['The standby target "spare" gets no lines: it is nobody\'s fallback.'])
  t.strictSame(parse({ targets: [file, standby], diagnostics: { to: ['spare'] } }).warnings, [])
  t.strictSame(parse({ targets: [{ ...file, whenOpen: 'fallback', fallback: 'spare' }, { ...standby, level: 'warn' }] }).warnings, ['The level of the standby target "spare" has no effect: it takes what it is handed.'])
  t.strictSame(parse({ targets: [{ ...file, whenOpen: 'fallback', fallback: 'spare' }, { ...standby, match: { module: 'audit' } }] }).warnings, ['The match of the standby target "spare" has no effect: it takes what it is handed.'])
  t.strictSame(parse({ targets: [{ ...file, worker: { name: 'x' } }] }).warnings, ['The worker settings of the target "file" have no effect: it runs inline.'])
  t.strictSame(parse({ targets: [{ ...pretty, worker: { maxRssMb: 200 } }] }).warnings, ['The worker.maxRssMb of the target "pino-pretty" has no effect: it runs in a thread; only isolation: "process" has such a limit.'])
  t.strictSame(parse({ targets: [{ ...pretty, isolation: 'process', worker: { maxRssMb: 200 } }] }).warnings, [])
  t.strictSame(parse({ targets: [{ ...file, sense: true }] }).warnings, ['The sense of the target "file" has no effect: it runs inline.'])
  t.strictSame(parse({ targets: [{ ...file, sense: false }, pretty], sense: true }).warnings, [])
  const protecting = (level: number | string, protectLevel: number | string) => parse({ targets: [{ ...file, level, queue: { protectLevel } }, pretty], levels: { audit: 45 } }).warnings
  t.strictSame(protecting('error', 'warn'), ['The queue.protectLevel of the target "file" has no effect: it protects every line that the target takes.'])
  t.strictSame(protecting(50, 'error').length, 1)
  t.strictSame(protecting('audit', 45).length, 1)
  t.strictSame(protecting('info', 'audit'), [])
  t.strictSame(protecting('info', 'silent'), ['The queue.protectLevel of the target "file" has no effect: no line has the level "silent".'])
  t.strictSame(protecting('info', 'of the logger'), [], 'the config of the logger may have this level')
  t.strictSame(parse({ targets: [{ ...file, level: 'error' }, pretty], queue: { protectLevel: 'error' } }).warnings, [], 'it has an effect for other targets')
  t.strictSame(parse({ targets: [file], breaker: { backoffMultiplier: 2, recoveryTimeoutMs: 300000 } }).warnings, [
    'The backoffMultiplier of the target "file" has no effect: its maxRecoveryTimeoutMs, 300000, is not above its recoveryTimeoutMs, 300000.'
  ])
})

t.test('a target that works, but not as somebody meant, is told with its path', async (t) => {
  const at = (destination: unknown, fields: object = {}) => ({ ...file, options: { destination }, ...fields })
  const warningsOf = (...targets: object[]) => parse({ targets }).warnings
  t.strictSame(warningsOf({ ...file, options: { breaker: { failureThreshold: 1 }, destination: 'a.log' } }), ['targets[0].options.breaker has no effect there: move it out of the options, beside "target"'])
  t.strictSame(warningsOf({ pipeline: [{ ...pretty, options: { whenOpen: 'skip' } }] }), ['targets[0].pipeline[0].options.whenOpen has no effect there: move it out of the options, beside "target"'])
  t.strictSame(warningsOf({ ...file, options: { path: 'a.log' } }), ['targets[0].options.path has no effect: pino/file has no such option; did you mean "destination"?'])
  t.strictSame(warningsOf({ ...file, options: { makedir: true } }), ['targets[0].options.makedir has no effect: pino/file has no such option; did you mean "mkdir"?'])
  t.strictSame(warningsOf({ ...pretty, options: { levelFirst: true } }), [], 'what others take is their own')

  const twice = ['targets[1].options is the same file as that of targets[0]: lines that both take come twice']
  t.strictSame(warningsOf(at('./a.log'), at('a.log')), twice)
  t.strictSame(warningsOf(at('1'), at(1)), twice)
  t.strictSame(warningsOf(at(undefined), at(1)), twice)
  t.strictSame(warningsOf(file, at('/dev/stdout')), twice)
  t.strictSame(warningsOf(at('a.log'), at('b.log'), at(2)), [])
  t.strictSame(parse({ targets: [at('a.log', { level: 'info' }), at('a.log', { level: 'error' })], dedupe: true }).warnings, [], 'each line has one place')
  t.strictSame(parse({ targets: [at('a.log', { whenOpen: 'fallback', fallback: 'spare' }), at('a.log', { name: 'spare', standby: true })] }).warnings, [], 'a standby has only what the other had not')

  const dir = t.testdir({ real: { 'app.log': '' }, link: t.fixture('symlink', 'real') })
  t.strictSame(warningsOf(at(join(dir, 'real', 'app.log')), at(join(dir, 'link', 'app.log'))), twice, 'behind a link too')
  t.strictSame(warningsOf(at(join(dir, 'real', 'new.log')), at(join(dir, 'link', 'new.log'))), twice, 'also before it is there')
})

t.test('a duration that was probably meant in seconds is told, where it stands', async (t) => {
  const warningsOf = (options: object, env?: NodeJS.ProcessEnv) => parse({ targets: [file], ...options }, env).warnings
  t.strictSame(warningsOf({ breaker: { recoveryTimeoutMs: 30 } }), ['breaker.recoveryTimeoutMs is 30 ms; did you mean 30000?'])
  t.strictSame(warningsOf({ targets: [{ ...file, writeTimeoutMs: 5, healthCheck: { tcp: 'a:1', intervalMs: 10, timeoutMs: 2 } }] }), [
    'targets[0].writeTimeoutMs is 5 ms; did you mean 5000?',
    'targets[0].healthCheck.intervalMs is 10 ms; did you mean 10000?',
    'targets[0].healthCheck.timeoutMs is 2 ms; did you mean 2000?'
  ])
  t.strictSame(warningsOf({ closeTimeoutMs: 5, metricsIntervalMs: 10, startTimeoutMs: 10, queue: { blockTimeoutMs: 2 } }), [
    'closeTimeoutMs is 5 ms; did you mean 5000?',
    'metricsIntervalMs is 10 ms; did you mean 10000?',
    'startTimeoutMs is 10 ms; did you mean 10000?',
    'queue.blockTimeoutMs is 2 ms; did you mean 2000?'
  ])
  t.strictSame(warningsOf({ whenOpen: 'spool', spool: { dir: 'spool', syncMs: 1 }, breaker: { settleMs: 6, maxRecoveryTimeoutMs: 99 } }), [
    'spool.syncMs is 1 ms; did you mean 1000?',
    'breaker.settleMs is 6 ms; did you mean 6000?',
    'breaker.maxRecoveryTimeoutMs is 99 ms; did you mean 99000?'
  ])
  t.strictSame(warningsOf({}, { PINO_BREAKER_FANOUT_BREAKER__RECOVERY_TIMEOUT_MS: '30' }), ['PINO_BREAKER_FANOUT_BREAKER__RECOVERY_TIMEOUT_MS is 30 ms; did you mean 30000?'])
  t.strictSame(warningsOf({ queue: { blockTimeoutMs: 0 }, breaker: { settleMs: 0, recoveryTimeoutMs: 100 }, metricsIntervalMs: 0 }), [], '0 turns something off')
})

t.test('every duration that is no matter of milliseconds has a plausible least', async (t) => {
  const bare: string[] = []
  const visit = (node: SchemaNode, path: string): void => {
    for (const [key, field] of Object.entries(propertiesOf(node))) {
      if (key.endsWith('Ms') && field['x-plausible-from'] === undefined) bare.push(path + key)
      visit(field, `${path}${key}.`)
    }
    if (node.items !== undefined) visit(node.items, path)
  }
  visit(fanoutSchema, '')
  t.strictSame(bare, [])
})

t.test('a key like __proto__ is an unknown option and changes nothing', async (t) => {
  const options: unknown = JSON.parse('{ "targets": [{ "target": "pino/file" }], "__proto__": { "dedupe": true } }')
  t.equal(messageOf(options), 'ERR_FANOUT_OPTIONS: __proto__: unknown option')
})

t.test('no message shows what may be secret', async (t) => {
  const secret = 'hunter2'
  for (const options of [
    { targets: { options: { password: secret } } },
    { targets: [{ ...file, options: { password: secret }, level: '' }] },
    { targets: [{ target: 'no-such', options: { password: secret } }] },
    { targets: [{ ...file, worker: { env: { PASSWORD: [secret] } } }] },
    { targets: [{ ...file, worker: { env: secret } }] },
    { targets: [{ ...file, password: secret }] },
    { targets: [{ target: `https://user:${secret}@example.com` }] }
  ]) {
    const message = messageOf(options)
    t.match(message, /^ERR_FANOUT_OPTIONS: targets/)
    t.notMatch(message, secret)
  }
})

t.test('the environment and the working directory are those of the process by default', async (t) => {
  t.equal(parseOptions({ targets: [file] }).targets[0]?.source.kind, 'target')
})

/** Calls for every object within a value, and goes deeper where told so. */
function walk (value: unknown, path: string, visit: (value: object, path: string) => boolean): void {
  if (typeof value !== 'object' || value === null || !visit(value, path)) return
  for (const [key, item] of Object.entries(value)) walk(item, `${path}.${key}`, visit)
}

// Types: these lines are the test, and compiling them runs it.
const both: TargetOptions[] = [{ target: 'pino/file', level: 30, breaker: false }, { pipeline: [{ target: 'pino/file' }], queue: { maxLines: 1 } }]
// @ts-expect-error one of the two is needed
const neither: TargetOptions = { level: 'info' }
// @ts-expect-error not both
const tooMany: TargetOptions = { target: 'pino/file', pipeline: [{ target: 'pino/file' }] }
const spool: TargetOptions = { target: 'pino/file', whenOpen: 'spool', spool: { dir: 'spool' } }
// What the schema says of a breaker and what the breaker itself takes are the same.
type InSchema = Exclude<NonNullable<FanoutOptions['breaker']>, false>
type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false
const sameBreaker: Same<Required<InSchema>, Required<BreakerOptions>> = true

t.test('the types admit pino\'s shapes and no others', async (t) => {
  t.ok([both, neither, tooMany, spool, sameBreaker])
})

t.test('a sink is watched if it has a thread to itself and is no file, unless that is turned off', async (t) => {
  t.equal(first({ targets: [file] }).sense, false)
  t.equal(first({ targets: [{ ...file, isolation: 'thread' }] }).sense, false)
  t.strictSame(first({ targets: [pretty] }).sense, { console: false })
  t.equal(first({ targets: [{ ...pretty, isolation: 'inline' }] }).sense, false)
  t.strictSame(first({ targets: [{ ...pretty, isolation: 'process' }] }).sense, { console: false })
  t.equal(first({ targets: [{ ...pretty, sense: false }] }).sense, false)
  t.strictSame(first({ targets: [pretty], sense: { console: true } }).sense, { console: true })
})

t.test('a health check is complete once it says what to ask', async (t) => {
  t.strictSame(first({ targets: [{ ...pretty, healthCheck: { http: 'http://loki:3100/ready' } }] }).healthCheck,
    { kind: 'http', url: 'http://loki:3100/ready', intervalMs: 10000, timeoutMs: 2000 })
  t.strictSame(first({ targets: [pretty], healthCheck: { tcp: '[::1]:514', intervalMs: 500, timeoutMs: 50 } }).healthCheck,
    { kind: 'tcp', host: '::1', port: 514, intervalMs: 500, timeoutMs: 50 })
})

t.test('a dead-letter file has an absolute path, and a size', async (t) => {
  t.strictSame(first({ targets: [pretty], deadLetter: { path: 'dead.ndjson' } }).deadLetter, { path: join(process.cwd(), 'dead.ndjson'), maxBytes: 67108864 })
  t.strictSame(first({ targets: [{ ...pretty, deadLetter: { path: '/a' } }], deadLetter: { path: '/b', maxBytes: 5 } }).deadLetter, { path: '/a', maxBytes: 5 })
})

t.test('a spool has a folder of its own, by the name of its target', async (t) => {
  const spool = { maxBytes: 1073741824, segmentBytes: 16777216, syncMs: 1000, mode: 'open' }
  t.strictSame(first({ targets: [{ ...pretty, name: 'a/b' }], whenOpen: 'spool', spool: { dir: 'spool' } }).spool, { folder: join(process.cwd(), 'spool', 'a-b'), ...spool })
  t.strictSame(first({ targets: [{ ...pretty, spool: { mode: 'always' } }], whenOpen: 'spool', spool: { dir: '/s', syncMs: 5 } }).spool, { folder: '/s/pino-pretty', ...spool, syncMs: 5, mode: 'always' })
})

t.test('the environment turns a spool off, and on where it has a place', async (t) => {
  const spooling = { targets: [{ ...pretty, whenOpen: 'spool', spool: { dir: '/s' } }] }
  t.equal(parseOptions(spooling, { env: { PINO_BREAKER_FANOUT_TARGETS__PINO_PRETTY__WHEN_OPEN: 'hold' } }).targets[0]?.spool, undefined)
  const env = { PINO_BREAKER_FANOUT_TARGETS__PINO_PRETTY__WHEN_OPEN: 'spool', PINO_BREAKER_FANOUT_SPOOL__MAX_BYTES: '7' }
  t.match(parseOptions({ targets: [pretty, { ...pretty, name: 'other', whenOpen: 'spool' }], spool: { dir: '/s' } }, { env }).targets[0], { whenOpen: 'spool', spool: { maxBytes: 7 } })
  t.throws(() => parseOptions({ targets: [pretty] }, { env }), /PINO_BREAKER_FANOUT_TARGETS__PINO_PRETTY__WHEN_OPEN: "spool" needs spool.dir/)
})

t.test('the environment says how large a dead-letter file may become, but not that there is one', async (t) => {
  const env = { PINO_BREAKER_FANOUT_DEAD_LETTER__MAX_BYTES: '7', PINO_BREAKER_FANOUT_DEAD_LETTER__PATH: '/etc/passwd' }
  t.strictSame(parseOptions({ targets: [{ ...pretty, deadLetter: { path: '/a' } }] }, { env }).targets[0]?.deadLetter, { path: '/a', maxBytes: 7 })
  const { targets, warnings } = parseOptions({ targets: [pretty] }, { env })
  t.equal(targets[0]?.deadLetter, undefined)
  t.match(warnings, ['The variable PINO_BREAKER_FANOUT_DEAD_LETTER__PATH is ignored: deadLetter.path cannot be set from the environment.'])
})

t.test('only this package\'s own HTTP sink gathers lines by default', async t => {
  const http = { target: 'pino-breaker-fanout/http', options: { url: 'http://127.0.0.1' } }
  t.same(first({ targets: [http] }).batch, { maxMs: 1000, maxBytes: 524288 })
  t.same(first({ targets: [{ ...http, batch: { maxMs: 0 } }] }).batch, { maxMs: 0, maxBytes: 524288 })
  t.same(first({ targets: [{ target: 'pino-pretty', batch: { maxMs: 20 } }], batch: { maxMs: 5, maxBytes: 10 } }).batch, { maxMs: 20, maxBytes: 10 })
})

t.test('a match is made of conditions, the same ones in the same order however it is written', async (t) => {
  const matchOf = (match: unknown): unknown => parse({ targets: [{ ...file, match }] }).targets[0]?.match
  t.strictSame(matchOf({ module: 'audit' }), [{ key: 'module', is: ['audit'] }])
  t.strictSame(matchOf({ url: { prefix: '/api', not: null, exists: true }, tenant: 1 }), [{ key: 'tenant', is: [1] }, { key: 'url', not: [null], prefix: ['/api'], exists: true }])
  t.strictSame(matchOf({ b: ['y', 2, 'x', 'y', true], a: '' }), matchOf({ a: [''], b: [2, true, 'x', 'y'] }))
  t.not(JSON.stringify(matchOf({ a: 1 })), JSON.stringify(matchOf({ a: '1' })))
  t.equal(matchOf(undefined), undefined)
})

t.test('any text can be the key of a match, also one that JavaScript has a meaning of its own for', async (t) => {
  for (const key of ['__proto__', 'constructor', 'not', '', 'a.b', 'é']) {
    const match: unknown = JSON.parse(`{ ${JSON.stringify(key)}: "audit" }`)
    t.strictSame(parse({ targets: [{ ...file, match }] }).targets[0]?.match, [{ key, is: ['audit'] }], key)
    // As it reaches a worker.
    t.strictSame(parse({ targets: [{ ...file, match: structuredClone(match) }] }).targets[0]?.match, [{ key, is: ['audit'] }], key)
  }
})

t.test('a standby target has no match: it takes what it is handed', async (t) => {
  t.equal(parse({ targets: [{ ...file, whenOpen: 'fallback', fallback: 'spare' }, { ...pretty, name: 'spare', standby: true, match: { module: 'audit' } }] }).targets[1]?.match, undefined)
})

t.test('a match has no influence on the level: the only target takes everything that matches', async (t) => {
  t.match(parse({ targets: [{ ...file, match: { module: 'audit' } }] }).targets, [{ level: -Infinity }])
})
