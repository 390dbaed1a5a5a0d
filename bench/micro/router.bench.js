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
}
