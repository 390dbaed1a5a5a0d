import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import pino from 'pino'
import t from 'tap'
import { closeTransport, type AppTransport } from '../support/fanout-rig.js'

type Level = string | number
/** A target of both; `file` becomes its destination in the directory of one run. */
type Entry = { level?: Level, isolation?: 'thread' } & ({ file: string } | { pipeline: string, mark: string } | { pretty: string })

interface Case {
  name: string
  entries: Entry[]
  levels?: Record<string, number>
  dedupe?: boolean
  logger?: pino.LoggerOptions
  write?: (log: pino.Logger) => void
}

const FIXED: pino.LoggerOptions = { level: 'trace', base: null, timestamp: () => ',"time":1700000000000' }
const shouts = resolve('test/fixtures/transform-shouts.js')
const loud = { loud: 35, yell: 55 }

function everyLevel (log: pino.Logger): void {
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'info', 'info', 'trace']) log[level as pino.Level]({ level }, `a ${level} line`)
}

function everyCustomLevel (log: pino.Logger): void {
  everyLevel(log)
  const custom = log as unknown as Record<string, (message: string) => void>
  for (const level of ['loud', 'yell', 'loud']) custom[level]?.(`a ${level} line`)
}

function childLoggers (log: pino.Logger): void {
  const request = log.child({ requestId: 'r-1', nested: { level: 60, text: '"level":10' } })
  everyLevel(request)
  const quiet = request.child({ component: 'db' }, { level: 'error' })
  everyLevel(quiet)
  log.child({ user: { password: 'secret', name: 'x' } }, { redact: ['user.password'] }).info('redacted')
}

function oddLines (log: pino.Logger): void {
  const odd = [
    '', ' ', 'ä€𝄞👩‍👩‍👧', 'two\nlines\r\nand a third\u2028and \u2029', '"quoted" \\ back', '\u0000\u001f\u007f', 'lone \ud800 surrogate \udc00',
    '{"level":60,"msg":"looks like a line"}', '\\n', '\t'
  ]
  for (const text of odd) {
    log.info(text)
    log.warn({ [text]: text }, text)
  }
  log.error(Object.assign(new Error('broken'), { stack: 'Error: broken\n    at somewhere' }))
  log.info({ value: undefined, none: null, big: 12345678901234567890n, date: new Date(0), list: [1, [2, { a: 1 }]] }, 'values %s %d %j', 'a', 1, { b: 2 })
  log.info({ time: 1, level: 30 }, 'keys of pino')
}

function hugeLines (log: pino.Logger): void {
  for (const size of [1000, 65536, 300000]) {
    log.info('x'.repeat(size))
    log.warn('€'.repeat(size))
    log.error({ text: '𝄞'.repeat(Math.floor(size / 2)) }, 'end')
  }
}

/** More than any buffer on the way holds, in characters of three bytes, so that they are cut anywhere. */
function manyBytes (log: pino.Logger): void {
  for (let id = 0; id < 12000; id++) log[id % 3 === 0 ? 'warn' : 'info']({ id }, '€'.repeat(id % 300))
}

const thresholds: Array<{ name: string, levels: Array<Level | undefined> }> = [
  { name: 'one target without a level', levels: [undefined] },
  { name: 'one target with a label', levels: ['warn'] },
  { name: 'one target with a number', levels: [25] },
  { name: 'two targets without a level', levels: [undefined, undefined] },
  { name: 'labels from low to high', levels: ['trace', 'info', 'fatal'] },
  { name: 'labels from high to low', levels: ['fatal', 'warn', 'debug'] },
  { name: 'numbers, one between labels', levels: [10, 45, 50] },
  { name: 'labels, numbers and none', levels: ['debug', 40, undefined, 'error'] },
  { name: 'the same level twice', levels: ['warn', 'warn', 'info'] },
  { name: 'a silent target', levels: ['silent', 'info'] },
  { name: 'levels above all lines', levels: [100, 'debug'] }
]

const cases: Case[] = [
  ...thresholds.flatMap(({ name, levels }): Case[] => {
    const entries = levels.map((level, i) => ({ file: `${i}.log`, ...(level !== undefined && { level }) }))
    return [{ name, entries }, ...entries.length > 1 ? [{ name: `${name}, deduped`, entries, dedupe: true }] : []]
  }),
  ...[false, true].map((dedupe): Case => ({
    name: `levels of their own from the options${dedupe ? ', deduped' : ''}`,
    entries: [{ file: '0.log', level: 'loud' }, { file: '1.log', level: 'yell' }, { file: '2.log', level: 'warn' }, { file: '3.log' }],
    levels: loud,
    dedupe,
    logger: { customLevels: loud },
    write: everyCustomLevel
  })),
  {
    name: 'levels by number, with levels of their own that only the logger knows',
    entries: [{ file: '0.log', level: 35 }, { file: '1.log', level: 55 }, { file: '2.log' }],
    logger: { customLevels: loud },
    write: everyCustomLevel
  },
  { name: 'a pipeline alone', entries: [{ pipeline: '0.log', mark: 'a' }] },
  { name: 'a pipeline with a level', entries: [{ pipeline: '0.log', mark: 'a', level: 'warn' }] },
  { name: 'pipelines beside targets', entries: [{ pipeline: '0.log', mark: 'a', level: 'error' }, { file: '1.log', level: 'debug' }, { pipeline: '2.log', mark: 'b' }, { file: '3.log' }] },
  { name: 'pipelines beside targets, deduped', entries: [{ pipeline: '0.log', mark: 'a', level: 'error' }, { file: '1.log', level: 'debug' }], dedupe: true },
  { name: 'pino-pretty beside a file', entries: [{ pretty: '0.log', level: 'debug' }, { file: '1.log' }] },
  { name: 'pino/file in a thread of its own', entries: [{ file: '0.log', isolation: 'thread', level: 'debug' }, { file: '1.log' }], write: manyBytes },
  { name: 'child loggers', entries: [{ file: '0.log' }, { file: '1.log', level: 'error' }], write: childLoggers },
  { name: 'odd lines', entries: [{ file: '0.log' }, { file: '1.log', level: 'warn' }, { pipeline: '2.log', mark: 'a' }], write: oddLines },
  { name: 'odd lines and one target', entries: [{ file: '0.log' }], write: oddLines },
  { name: 'huge lines', entries: [{ file: '0.log' }, { file: '1.log', level: 'warn' }, { file: '2.log', isolation: 'thread' }, { pipeline: '3.log', mark: 'a' }], write: hugeLines },
  { name: 'many bytes', entries: [{ file: '0.log' }, { file: '1.log', level: 'warn' }], write: manyBytes },
  { name: 'many bytes and one target', entries: [{ file: '0.log' }], write: manyBytes },
  { name: 'another message key and another error key', entries: [{ file: '0.log' }, { file: '1.log', level: 'warn' }], logger: { messageKey: 'message', errorKey: 'error', nestedKey: 'payload' } }
]

function targetsIn (dir: string, entries: readonly Entry[]): pino.TransportTargetOptions[] {
  return entries.map(entry => {
    const common = { ...('level' in entry && { level: entry.level as string }), ...('isolation' in entry && { isolation: entry.isolation }) }
    if ('file' in entry) return { target: 'pino/file', options: { destination: join(dir, entry.file), mkdir: true }, ...common }
    if ('pretty' in entry) return { target: 'pino-pretty', options: { destination: join(dir, entry.pretty), mkdir: true, colorize: false }, ...common }
    return { pipeline: [{ target: shouts, options: { mark: entry.mark } }, { target: 'pino/file', options: { destination: join(dir, entry.pipeline), mkdir: true } }], ...common } as unknown as pino.TransportTargetOptions
  })
}

function readAll (dir: string, entries: readonly Entry[]): string[] {
  return entries.map(entry => readFileSync(join(dir, 'file' in entry ? entry.file : 'pretty' in entry ? entry.pretty : entry.pipeline), 'utf8'))
}

async function run (transport: unknown, { logger, write = everyLevel }: Case): Promise<void> {
  write(pino({ ...FIXED, ...logger }, transport as AppTransport))
  await closeTransport(transport as AppTransport)
}

for (const aCase of cases) {
  t.test(`${aCase.name}: the files are the same, byte by byte, as of pino's targets`, async t => {
    const { entries, levels, dedupe } = aCase
    const dir = t.testdir()
    const theirs = join(dir, 'pino')
    const ours = join(dir, 'fanout')
    const more = { ...(levels !== undefined && { levels }), ...(dedupe !== undefined && { dedupe }) }
    await run(pino.transport({ targets: targetsIn(theirs, entries), ...more }), aCase)
    await run(pino.transport({ target: 'pino-breaker-fanout', options: { targets: targetsIn(ours, entries), ...more, diagnostics: false } }), aCase)

    const expected = readAll(theirs, entries)
    t.ok(expected.some(text => text.length > 0), 'there is something to compare')
    for (const [i, text] of readAll(ours, entries).entries()) t.ok(text === expected[i], `${JSON.stringify(entries[i])}: ${text.length} characters against ${expected[i]?.length}`)
  })
}

t.test('a logger that makes its own transport: the files are the same, its own levels known by label', async t => {
  const entries: Entry[] = [{ file: '0.log', level: 'yell' }, { file: '1.log', level: 'loud' }, { file: '2.log' }]
  const dir = t.testdir()
  const theirs = join(dir, 'pino')
  const ours = join(dir, 'fanout')
  const options: pino.LoggerOptions = { ...FIXED, customLevels: loud }
  for (const transport of [
    { targets: targetsIn(theirs, entries) },
    { target: 'pino-breaker-fanout', options: { targets: targetsIn(ours, entries), diagnostics: false } }
  ]) {
    const log = pino({ ...options, transport })
    everyCustomLevel(log as unknown as pino.Logger)
    await closeTransport((log as unknown as Record<symbol, AppTransport>)[pino.symbols.streamSym] as AppTransport)
  }
  t.same(readAll(ours, entries), readAll(theirs, entries))
})

t.test('labels of levels that only the logger knows work, as its config tells them', async t => {
  const dir = t.testdir()
  const entries: Entry[] = [{ file: '0.log', level: 'yell' }, { file: '1.log', level: 'loud' }, { file: '2.log', level: 'warn' }]
  await run(pino.transport({ target: 'pino-breaker-fanout', options: { targets: targetsIn(dir, entries), diagnostics: false } }), { name: '', entries, logger: { customLevels: loud }, write: everyCustomLevel })
  t.same(readAll(dir, entries).map(messages), [
    ['a fatal line', 'a yell line'],
    ['a warn line', 'a error line', 'a fatal line', 'a loud line', 'a yell line', 'a loud line'],
    ['a warn line', 'a error line', 'a fatal line', 'a yell line']
  ])
})

for (const [what, formatters, levelKey] of [
  ['labels', { level: (level: string) => ({ level }) }, undefined],
  ['labels under another key', { level: (level: string) => ({ severity: level }) }, 'severity'],
  ['labels in capitals under another key', { level: (level: string) => ({ severity: level.toUpperCase() }) }, 'severity'],
  ['numbers under another key', { level: (_label: string, value: number) => ({ lvl: value }) }, 'lvl']
] as const) {
  t.test(`${what}, from formatters.level: lines are routed as with pino's own levels`, async t => {
    const dir = t.testdir()
    const entries: Entry[] = [{ file: '0.log', level: 'error' }, { file: '1.log', level: 25 }, { file: '2.log', level: 'trace' }]
    await run(pino.transport({ target: 'pino-breaker-fanout', options: { targets: targetsIn(dir, entries), diagnostics: false, ...(levelKey !== undefined && { levelKey }) } }), { name: '', entries, logger: { formatters } })
    t.same(readAll(dir, entries).map(messages), [
      ['a error line', 'a fatal line'],
      ['a info line', 'a warn line', 'a error line', 'a fatal line', 'a info line', 'a info line'],
      ['a trace line', 'a debug line', 'a info line', 'a warn line', 'a error line', 'a fatal line', 'a info line', 'a info line', 'a trace line']
    ])
  })
}

function messages (text: string): unknown[] {
  return text.split('\n').slice(0, -1).map(line => (JSON.parse(line) as { msg: string }).msg)
}
