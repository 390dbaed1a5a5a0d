import t from 'tap'
import { Tally } from '#lib/cli/tally'
import { LevelNames } from '#lib/levels'

const HOUR_MS = 3600000
const start = Date.UTC(2026, 10, 24)

t.test('lines are counted by target, level and hour, lowest and oldest first', async t => {
  const tally = new Tally(new LevelNames({ notice: 35 }))
  tally.add('loki', { level: 50, time: start })
  tally.add('loki', { level: 35, time: start + HOUR_MS })
  tally.add('loki', { level: 35, time: start + HOUR_MS - 1 })
  tally.add('loki', { level: 35, time: start })
  tally.add('es', { level: 33, time: undefined })
  tally.add('es', { level: undefined, time: 1e300 })
  t.equal(tally.lines, 6)
  t.same([...tally.byTarget], [['loki', 4], ['es', 2]])
  t.equal(`${tally}`, `\
target  level   time               lines
es      -       -                      1
es      33      -                      1
loki    notice  2026-11-24T00:00Z      2
loki    notice  2026-11-24T01:00Z      1
loki    error   2026-11-24T00:00Z      1
`)
})

t.test('over more than two days the table is by days', async t => {
  const tally = new Tally(new LevelNames())
  for (let hour = 0; hour < 60; hour++) tally.add('loki', { level: 30, time: start + hour * HOUR_MS })
  t.equal(`${tally}`, `\
target  level  time        lines
loki    info   2026-11-24     24
loki    info   2026-11-25     24
loki    info   2026-11-26     12
`)
})
