import t from 'tap'
import { unknownLevel } from '#lib/options/unknown-level'

for (const [level, suggestion] of [['warning', '; did you mean "warn"?'], ['Err', '; did you mean "error"?'], ['wanr', '; did you mean "warn"?'], ['30', '; did you mean the number 30?'], ['loud', '']] as const) {
  t.test(`of the level "${level}" it is said which there are${suggestion}`, async t => {
    t.equal(unknownLevel(level, ['info', 'warn', 'error']), `there is no level "${level}", expected a number or one of info, warn, error${suggestion}`)
  })
}
