import t from 'tap'
import { factsOf } from '#lib/cli/line-facts'
import { LevelNames } from '#lib/levels'

const format = { levelKey: 'severity', levels: new LevelNames({ notice: 35 }) }

t.test('the level is a number or a label, under the key that it has', async t => {
  t.same(factsOf('{"severity":40,"time":1795521600000}', format), { level: 40, time: 1795521600000 })
  t.equal(factsOf('{"severity":"NOTICE"}', format).level, 35)
  t.equal(factsOf('{"level":40}', format).level, undefined)
  t.equal(factsOf('{"severity":"loud"}', format).level, undefined)
})

t.test('the time is in ms, in seconds as unixTime writes it, or in words as isoTime does', async t => {
  t.equal(factsOf('{"time":1795521600000}', format).time, 1795521600000)
  t.equal(factsOf('{"time":1795521600}', format).time, 1795521600000)
  t.equal(factsOf('{"time":"2026-11-24T12:00:00.000Z"}', format).time, 1795521600000)
  for (const time of ['"noon"', 'null', '{}']) t.equal(factsOf(`{"time":${time}}`, format).time, undefined, time)
})

t.test('what is no record has neither', async t => {
  for (const line of ['no JSON', 'null', '7', '"text"', '[]']) t.same(factsOf(line, format), { level: undefined, time: undefined }, line)
})
