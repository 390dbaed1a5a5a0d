import t from 'tap'
import { parseFilter } from '#lib/cli/filter'
import { UsageError } from '#lib/cli/usage-error'
import { LevelNames } from '#lib/levels'

const levels = new LevelNames({ notice: 35 })
const at = (text: string): { level: number, time: number } => ({ level: 30, time: Date.parse(text) })

t.test('levels are compared by number or by label in any case, custom ones too', async t => {
  const passing = (condition: string): number[] => [20, 30, 35, 40, 50].filter(level => parseFilter([condition], levels)({ level, time: 0 }))
  t.same(passing('level>=warn'), [40, 50])
  t.same(passing('level > NOTICE'), [40, 50])
  t.same(passing('level<35'), [20, 30])
  t.same(passing('level<=notice'), [20, 30, 35])
  t.same(passing('level=40'), [40])
  t.same(passing('level!=Error'), [20, 30, 35, 40])
})

t.test('times are compared as moments, whatever their zone, or in ms since the epoch', async t => {
  const noon = at('2026-11-24T12:00:00Z')
  for (const [condition, passes] of [
    ['time>=2026-11-24T12:00:00Z', true],
    ['time>2026-11-24T12:00:00Z', false],
    ['time>2026-11-24T12:00:00+01:00', true],
    ['time<2026-11-24T12:00:00.001Z', true],
    ['time<2026-11-25', true],
    ['time=1795521600000', true]
  ] as const) t.equal(parseFilter([condition], levels)(noon), passes, condition)
})

t.test('all conditions must hold, and none is none', async t => {
  const filter = parseFilter(['level>=info', 'time>=2026-11-24', 'time<2026-11-25'], levels)
  t.ok(filter(at('2026-11-24T23:59:59Z')))
  t.notOk(filter(at('2026-11-25T00:00:00Z')))
  t.notOk(filter({ ...at('2026-11-24T12:00:00Z'), level: 20 }))
  t.ok(parseFilter([], levels)({ level: undefined, time: undefined }))
})

t.test('a line without the field meets no condition on it, not even that it is not so', async t => {
  t.notOk(parseFilter(['level!=30'], levels)({ level: undefined, time: 1 }))
  t.notOk(parseFilter(['time<2026-11-24'], levels)({ level: 30, time: undefined }))
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
    t.throws(() => parseFilter([condition], levels), new UsageError(`--filter "${condition}": ${message}`))
  })
}
