import { EVERYTHING, LevelNames } from '#lib/levels'
import { Router } from '#lib/router'
import { textOf } from '../lines.js'

/** 250 lines, about 64 KiB, to lanes that do nothing. */
export default function addTasks (bench) {
  const utf8 = Buffer.from(textOf(250))
  const parts = { 'beyond ASCII': [utf8.toString()], ASCII: [utf8.toString('latin1').replace(/[^\n -~]/g, '?')], bytes: [utf8] }
  const levels = { 'everything to three': [EVERYTHING, EVERYTHING, EVERYTHING], 'trace, info, error': [10, 30, 50], 'info to three': [30, 30, 30] }
  for (const [what, minLevels] of Object.entries(levels)) {
    for (const [kind, part] of Object.entries(parts)) {
      const router = new Router({
        lanes: minLevels.map(minLevel => ({ minLevel, refuse () {} })),
        levels: new LevelNames(),
        levelKey: 'level',
        dedupe: false,
        maxLineBytes: 1024 * 1024,
        deliver () {}
      })
      bench.add(`${what}, ${kind}`, () => router.route(part))
    }
  }
  addMatches(bench)
}

/** One of three lanes takes only lines that match. Levels alone are the comparison. */
function addMatches (bench) {
  const [some, all] = ['some', 'all'].map(modules => [textOf(250, undefined, modules)])
  const tasks = {
    'no match': [some, undefined],
    'a key of 1% of the lines': [some, ['audit']],
    'a key of all lines, a text of 1%': [all, ['audit']],
    'a key of all lines, parsed': [all, ['audit', null]]
  }
  for (const [what, [part, is]] of Object.entries(tasks)) {
    const match = is && [{ key: 'module', is }]
    const router = new Router({
      lanes: [10, 30, 50].map(minLevel => ({ minLevel, ...minLevel === 30 && { match }, refuse () {} })),
      levels: new LevelNames(),
      levelKey: 'level',
      dedupe: false,
      maxLineBytes: 1024 * 1024,
      deliver () {}
    })
    bench.add(`match: ${what}`, () => router.route(part))
  }
}
