import { readdirSync } from 'node:fs'
import t from 'tap'
import { linesOf } from '#lib/cli/working-copy'
import { createRandom } from '../support/random.js'
import { letterOf, LIMIT_MS, lineOf, numbers, Scene, writeLetters, type Line } from '../support/replay-scene.js'

const kills = Number(process.env['REPLAY_KILLS'] ?? 8)
t.setTimeout(LIMIT_MS + kills * 2000)

t.test('killed again and again, at any moment, it never loses a line, and leaves exactly what is refused in the end', async t => {
  const seed = Number(process.env['REPLAY_SEED'] ?? Date.now())
  t.comment(`REPLAY_SEED=${seed}`)
  const random = createRandom(seed)
  const scene = await Scene.open(t)
  scene.refuseBad()
  const isBad = (id: number): boolean => id % 50 === 49
  writeLetters(scene.dead, numbers(300).map(id => letterOf(lineOf(id, isBad(id) ? { bad: true } : {}))))
  for (let kill = 0; kill < kills; kill++) {
    await scene.replay([], scene.dead, async child => {
      const timer = setTimeout(() => child.kill('SIGKILL'), 150 + random() * 600)
      child.once('exit', () => clearTimeout(timer))
    })
    const kept = new Set(scene.arrived)
    for await (const { text } of linesOf(scene.dead)) kept.add((JSON.parse(text) as Line).id)
    t.equal(kept.size, 300, `after kill ${kill + 1} each line has arrived or is kept`)
  }
  await scene.replay(['--timeout', '2'])
  t.same(new Set(scene.arrived), new Set(numbers(300).filter(id => !isBad(id))), 'all good lines arrived')
  t.same(scene.left.map(({ line }) => (JSON.parse(line) as Line).id), numbers(300).filter(isBad), 'the others are left, once and in order')
  t.same(readdirSync(scene.dir).sort(), ['config.json', 'dead.ndjson'])
})
