import t from 'tap'
import { UsageError } from '#lib/cli/command'
import { parseFilter } from '#lib/cli/filter'
import { LevelNames } from '#lib/levels'

const levels = new LevelNames({ notice: 35 })
const NOON = Date.UTC(2026, 10, 24, 12)

/** Whether a line with these fields is let through. */
function passes (conditions: readonly string[], fields: object): boolean {
  return parseFilter(conditions, 'level', levels)(JSON.stringify(fields)) !== undefined
}

t.test('the level of a line is a number or a label, under the key that it has', async t => {
  const read = parseFilter([], 'severity', levels)
  t.same(read('{"severity":40,"time":1795521600000}'), { level: 40, time: NOON })
  t.equal(read('{"severity":"NOTICE"}')?.level, 35)
  t.equal(read('{"level":40}')?.level, undefined)
  t.equal(read('{"severity":"loud"}')?.level, undefined)
})

t.test('the time of a line is in ms, in seconds as unixTime writes it, or in words as isoTime does', async t => {
  const read = parseFilter([], 'level', levels)
  for (const time of ['1795521600001', '1795521600001000', '"2026-11-24T12:00:00.001Z"']) t.equal(read(`{"time":${time}}`)?.time, NOON + 1, time)
  t.equal(read('{"time":1795521600}')?.time, NOON)
  for (const time of ['"noon"', 'null', '{}']) t.equal(read(`{"time":${time}}`)?.time, undefined, time)
})

t.test('a line that is no record, or is damaged, has neither', async t => {
  const read = parseFilter([], 'level', levels)
  for (const line of ['no JSON', 'null', '7', '"text"', '[]', '{"level":50,"time":1795521600000,"ms']) t.same(read(line), { level: undefined, time: undefined }, line)
})

t.test('levels are compared by number or by label in any case, custom ones too', async t => {
  const passing = (condition: string): number[] => [20, 30, 35, 40, 50].filter(level => passes([condition], { level }))
  t.same(passing('level>=warn'), [40, 50])
  t.same(passing('level > NOTICE'), [40, 50])
  t.same(passing('level<35'), [20, 30])
  t.same(passing('level<=notice'), [20, 30, 35])
  t.same(passing('level=40'), [40])
  t.same(passing('level!=Error'), [20, 30, 35, 40])
})

t.test('times are compared as moments, whatever their zone, or in ms since the epoch', async t => {
  for (const [condition, isMet] of [
    ['time>=2026-11-24T12:00:00Z', true],
    ['time>2026-11-24T12:00:00Z', false],
    ['time>2026-11-24T12:00:00+01:00', true],
    ['time<2026-11-24T12:00:00.001Z', true],
    ['time<2026-11-25', true],
    ['time=1795521600000', true]
  ] as const) t.equal(passes([condition], { time: NOON }), isMet, condition)
})

t.test('all conditions must hold, and none is none', async t => {
  const conditions = ['level>=info', 'time>=2026-11-24', 'time<2026-11-25']
  t.ok(passes(conditions, { level: 30, time: '2026-11-24T23:59:59Z' }))
  t.notOk(passes(conditions, { level: 30, time: '2026-11-25T00:00:00Z' }))
  t.notOk(passes(conditions, { level: 20, time: NOON }))
  t.ok(passes([], {}))
})

t.test('a line without the field meets no condition on it, not even that it is not so', async t => {
  t.notOk(passes(['level!=30'], { time: 1 }))
  t.notOk(passes(['time<2026-11-24'], { level: 30 }))
})

for (const [condition, message] of [
  ['error', 'expected level or time, one of >= <= != = > <, and a value, as in level>=error'],
  ['level>=', 'expected level or time, one of >= <= != = > <, and a value, as in level>=error'],
  ['levle>=30', 'there is no field "levle", expected level or time; did you mean "level"?'],
  ['msg=x', 'there is no field "msg", expected level or time'],
  ['level>=eror', 'there is no level "eror", expected a number or one of trace, debug, info, notice, warn, error, fatal, silent; did you mean "error"?'],
  ['time>yesterday', 'expected a time as in 2026-11-24T10:00:00Z, or in ms since the epoch, got "yesterday"'],
  ['time>2026-13-01', 'expected a time as in 2026-11-24T10:00:00Z, or in ms since the epoch, got "2026-13-01"']
] as const) {
  t.test(`the filter ${condition} is refused, with what is allowed`, async t => {
    t.throws(() => parseFilter([condition], 'level', levels), new UsageError(`--filter "${condition}": ${message}`))
  })
}
