import t from 'tap'
import { readEnvironment, variableOf } from '#lib/options/env'
import { fanoutSchema, parseOptions } from '#lib/options'
import { Faults } from '#lib/options/faults'

const file = { target: 'pino/file' }
const pretty = { target: 'pino-pretty' }

/** Settings under some variables, given without their prefix. */
function parse (options: unknown, variables: Record<string, string>) {
  return parseOptions(options, { env: withPrefix(variables) })
}

function withPrefix (variables: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [`PINO_BREAKER_FANOUT_${name}`, value]))
}

const policyVariables = [
  'BREAKER',
  'BREAKER__BACKOFF_MULTIPLIER',
  'BREAKER__ENABLED',
  'BREAKER__FAILURE_RATE',
  'BREAKER__FAILURE_THRESHOLD',
  'BREAKER__HALF_OPEN_MAX_CALLS',
  'BREAKER__JITTER',
  'BREAKER__MAX_RECOVERY_TIMEOUT_MS',
  'BREAKER__MINIMUM_ATTEMPTS',
  'BREAKER__MODE',
  'BREAKER__RECOVERY_TIMEOUT_MS',
  'BREAKER__SETTLE_MS',
  'BREAKER__SLOW_MS',
  'BREAKER__SLOW_RATE',
  'BREAKER__SUCCESS_THRESHOLD',
  'BREAKER__WINDOW_MS',
  'DEAD_LETTER__MAX_BYTES',
  'FAILURE_EVENTS',
  'FALLBACK',
  'ISOLATION',
  'LEVEL',
  'BATCH__MAX_BYTES',
  'BATCH__MAX_MS',
  'QUEUE__BLOCK_TIMEOUT_MS',
  'QUEUE__MAX_BYTES',
  'QUEUE__MAX_LINES',
  'QUEUE__OVERFLOW',
  'QUEUE__PROTECT_LEVEL',
  'REDELIVERY',
  'SENSE',
  'SENSE__CONSOLE',
  'SPOOL__MAX_BYTES',
  'SPOOL__MODE',
  'SPOOL__SEGMENT_BYTES',
  'SPOOL__SYNC_MS',
  'START_TIMEOUT_MS',
  'WHEN_OPEN',
  'WRITE_TIMEOUT_MS'
]

const monitorVariables = ['MONITOR', 'MONITOR__ACTIONS', 'MONITOR__HOST', 'MONITOR__PORT', 'MONITOR__PORT__FROM', 'MONITOR__PORT__TO', 'MONITOR__TOKEN']

// Whoever adds an option sees this list fail, and has to say whether it is policy.
t.test('these variables set something, and no others', async (t) => {
  const fanoutVariables = ['CLOSE_TIMEOUT_MS', 'DEDUPE', 'DIAGNOSTICS', 'DIAGNOSTICS__LEVEL', 'DIAGNOSTICS__TO', 'FLUSH__TIMEOUT_MS', 'FLUSH__UNTIL', 'LEVEL_KEY', 'MAX_LINE_BYTES', 'METRICS_INTERVAL_MS', ...monitorVariables, 'PARALLEL']
  const settable = [...policyVariables, ...fanoutVariables, ...policyVariables.map(name => `TARGETS__SINK__${name}`), 'TARGETS__SINK__STANDBY']
  const faults = new Faults()
  const { settings, warnings } = readEnvironment(withPrefix(Object.fromEntries(settable.map(name => [name, '']))), ['sink'], faults)
  t.strictSame({ settings, warnings }, { settings: [], warnings: [] }, 'empty ones are not set')

  const read = readEnvironment(withPrefix(Object.fromEntries(settable.map(name => [name, '\u0000']))), ['sink'], faults)
  t.strictSame(read.warnings, [])
  const everyKey = withPrefix(Object.fromEntries(allPaths().map(path => [path, '1'])))
  const ignored = readEnvironment(everyKey, ['sink'], new Faults()).warnings.map(warning => /PINO_BREAKER_FANOUT_(\w+)/.exec(warning)?.[1] ?? '')
  t.strictSame(allPaths().filter(path => !ignored.includes(path)).sort(), settable.sort())
})

/** The variables that all options would have, if all could be set. */
function allPaths (): string[] {
  return [...pathsOf(fanoutSchema, [])].map(path => variableOf(path).replace('PINO_BREAKER_FANOUT_', ''))
}

function * pathsOf (node: unknown, parents: readonly string[]): Generator<readonly string[]> {
  if (typeof node !== 'object' || node === null) return
  const { properties, anyOf, items } = node as { properties?: Record<string, unknown>, anyOf?: unknown[], items?: unknown }
  for (const alternative of anyOf ?? []) yield * pathsOf(alternative, parents)
  if (items !== undefined) yield * pathsOf(items, [...parents, 'sink'])
  for (const [key, property] of Object.entries(properties ?? {})) {
    yield [...parents, key]
    yield * pathsOf(property, [...parents, key])
  }
}

t.test('a value is read as what its option is', async (t) => {
  const settings = parse({ targets: [file, pretty] }, {
    CLOSE_TIMEOUT_MS: '8000',
    BREAKER__JITTER: '0.25',
    BREAKER__ENABLED: '0',
    PARALLEL: 'false',
    DEDUPE: '1',
    LEVEL: '35',
    WHEN_OPEN: 'skip',
    FAILURE_EVENTS: 'sulk, pout,',
    LEVEL_KEY: 'severity',
    DIAGNOSTICS__TO: 'file,pino-pretty',
    DIAGNOSTICS__LEVEL: 'warn'
  })
  t.match(settings, { closeTimeoutMs: 8000, parallel: false, dedupe: true, levelKey: 'severity', diagnostics: { to: ['file', 'pino-pretty'], level: 'warn' } })
  for (const target of settings.targets) {
    t.match(target, { level: 35, whenOpen: 'skip', breaker: { jitter: 0.25, enabled: false } })
    t.strictSame(target.failureEvents.slice(-2), ['sulk', 'pout'])
  }
})

t.test('a word that stands for itself is not read as a list', async (t) => {
  t.match(parse({ targets: [file] }, { DIAGNOSTICS__TO: 'stderr' }), { diagnostics: { to: 'stderr' } })
})

t.test('spaces around a value do not count', async (t) => {
  t.match(parse({ targets: [file] }, { CLOSE_TIMEOUT_MS: ' 8000 ', LEVEL: ' warn ' }), { closeTimeoutMs: 8000, targets: [{ level: 'warn' }] })
})

t.test('a value replaces the same path of the options, and a target\'s own option beats one of the top level', async (t) => {
  const options = { targets: [{ ...pretty, name: 'own', writeTimeoutMs: 1, breaker: { settleMs: 1 } }, { ...pretty, name: 'inherits' }], writeTimeoutMs: 2, breaker: { settleMs: 2, jitter: 1 } }
  t.match(parse(options, { WRITE_TIMEOUT_MS: '3', BREAKER__SETTLE_MS: '3' }).targets, [
    { writeTimeoutMs: 1, breaker: { settleMs: 1, jitter: 1 } },
    { writeTimeoutMs: 3, breaker: { settleMs: 3, jitter: 1 } }
  ])
  t.match(parse(options, { TARGETS__OWN__WRITE_TIMEOUT_MS: '4', TARGETS__OWN__BREAKER__SETTLE_MS: '4', WRITE_TIMEOUT_MS: '3' }).targets, [
    { writeTimeoutMs: 4, breaker: { settleMs: 4 } },
    { writeTimeoutMs: 3, breaker: { settleMs: 2 } }
  ])
})

t.test('the options that were given are left as they were', async (t) => {
  const options = { targets: [{ ...file, breaker: { settleMs: 1 } }], queue: { maxLines: 1 } }
  const before = structuredClone(options)
  parse(options, { TARGETS__FILE__BREAKER__SETTLE_MS: '2', QUEUE__MAX_LINES: '2' })
  t.strictSame(options, before)
})

t.test('a breaker is turned off by a variable, and a variable for a detail of it does not turn it on', async (t) => {
  t.match(parse({ targets: [file], breaker: { settleMs: 1 } }, { BREAKER: 'false' }), { targets: [{ breaker: { enabled: false } }] })
  t.match(parse({ targets: [file], breaker: false }, { BREAKER__SETTLE_MS: '1' }), { targets: [{ breaker: { enabled: false, settleMs: 1 } }] })
  t.match(parse({ targets: [file], breaker: false }, { BREAKER__ENABLED: 'true' }), { targets: [{ breaker: { enabled: true } }] })
  t.match(parse({ targets: [file], diagnostics: false }, { DIAGNOSTICS__TO: 'stderr' }), { diagnostics: { to: 'stderr', level: 'info' } })
})

t.test('a target is named in upper snake case, by its given or its derived name', async (t) => {
  const options = { targets: [{ ...pretty, name: 'my-loki' }, { ...pretty, name: 'myLoki.2' }, pretty, pretty, { ...pretty, name: '@scope/sink' }] }
  const settings = parse(options, {
    TARGETS__MY_LOKI__LEVEL: '1',
    TARGETS__MY_LOKI_2__LEVEL: '2',
    TARGETS__PINO_PRETTY__LEVEL: '3',
    TARGETS__PINO_PRETTY_2__LEVEL: '4',
    TARGETS__SCOPE_SINK__LEVEL: '5'
  })
  t.strictSame(settings.targets.map(({ level }) => level), [1, 2, 3, 4, 5])
  t.strictSame(settings.warnings, [])
})

t.test('targets whose names differ only in signs share their variables', async (t) => {
  const settings = parse({ targets: [{ ...pretty, name: 'a-b' }, { ...pretty, name: 'a.b' }] }, { TARGETS__A_B__LEVEL: '5' })
  t.strictSame(settings.targets.map(({ level }) => level), [5, 5])
})

t.test('a variable that names nothing is told, with the one that was probably meant', async (t) => {
  const variables = { BREAKER__FAILURE_TRESHOLD: '3', TARGETS__FLIE__LEVEL: 'warn', TOKEN: 'secret', BREAKER__SETTLE_MS__X: '1', QUEUE: '5', TARGETS: 'x' }
  const { warnings } = parse({ targets: [file] }, variables)
  t.strictSame(warnings, [
    'The variable PINO_BREAKER_FANOUT_BREAKER__FAILURE_TRESHOLD names no option; did you mean PINO_BREAKER_FANOUT_BREAKER__FAILURE_THRESHOLD?',
    'The variable PINO_BREAKER_FANOUT_BREAKER__SETTLE_MS__X names no option; did you mean PINO_BREAKER_FANOUT_BREAKER__SETTLE_MS?',
    'The variable PINO_BREAKER_FANOUT_QUEUE names no option.',
    'The variable PINO_BREAKER_FANOUT_TARGETS names no option.',
    'The variable PINO_BREAKER_FANOUT_TARGETS__FLIE__LEVEL names no option; did you mean PINO_BREAKER_FANOUT_TARGETS__FILE__LEVEL?',
    'The variable PINO_BREAKER_FANOUT_TOKEN names no option.'
  ])
})

t.test('a variable that would set more than policy is ignored, and told', async (t) => {
  const given = parse({ targets: [{ ...file, name: 'a' }] }, {})
  for (const name of ['RESOLVE_FROM', 'ENV', 'LEVELS', 'WORKER', 'WORKER__EXEC_ARGV', 'TARGETS__A__TARGET', 'TARGETS__A__OPTIONS', 'TARGETS__A__PIPELINE', 'TARGETS__A__NAME', 'TARGETS__A__WORKER__ENV']) {
    const settings = parse({ targets: [{ ...file, name: 'a' }] }, { [name]: 'true' })
    t.strictSame({ ...settings, warnings: [] }, given)
    t.equal(settings.warnings.length, 1)
    t.match(settings.warnings[0], new RegExp(`^The variable PINO_BREAKER_FANOUT_${name} is ignored: [\\w.]+ cannot be set from the environment\\.$`))
  }
})

t.test('a target that an operator turns away from its fallback may keep it', async (t) => {
  const options = { targets: [{ ...file, whenOpen: 'fallback', fallback: 'stderr' }] }
  t.match(parse(options, { TARGETS__FILE__WHEN_OPEN: 'hold' }), { targets: [{ whenOpen: 'hold', fallback: undefined }] })
  t.match(parse({ targets: [file], whenOpen: 'fallback', fallback: 'stderr' }, { WHEN_OPEN: 'skip' }), { targets: [{ whenOpen: 'skip', fallback: undefined }] })
})

t.test('an empty variable counts as not set', async (t) => {
  t.strictSame(parse({ targets: [file] }, { CLOSE_TIMEOUT_MS: '', LEVL: '' }), parse({ targets: [file] }, {}))
})

t.test('env: false turns the environment off', async (t) => {
  const settings = parse({ targets: [file], env: false }, { CLOSE_TIMEOUT_MS: 'soon', NONSENSE: '1' })
  t.strictSame(settings, parse({ targets: [file] }, {}))
})

t.test('variables without the prefix are nobody\'s business', async (t) => {
  t.strictSame(parseOptions({ targets: [file] }, { env: { LEVEL: 'warn', PINO_BREAKER: '1' } }), parse({ targets: [file] }, {}))
})

t.test('by default the variables are those of the process', async (t) => {
  process.env.PINO_BREAKER_FANOUT_CLOSE_TIMEOUT_MS = '4321'
  t.teardown(() => { delete process.env.PINO_BREAKER_FANOUT_CLOSE_TIMEOUT_MS })
  t.equal(parseOptions({ targets: [file] }).closeTimeoutMs, 4321)
})
