import { once } from 'node:events'
import { readdirSync, watch } from 'node:fs'
import t from 'tap'
import { createRandom } from '../support/random.js'
import { LIMIT_MS, lineOf, numbers, Scene, waitingIn } from '../support/replay-scene.js'

const COUNT = 800
const kills = Number(process.env['REPLAY_KILLS'] ?? 8)
t.setTimeout(LIMIT_MS + kills * 2000)

t.test('killed again and again, at any moment, a replay with a filter takes nothing out of a spool that has not arrived', async t => {
  const seed = Number(process.env['REPLAY_SEED'] ?? Date.now())
  t.comment(`REPLAY_SEED=${seed}`)
  const random = createRandom(seed)
  const scene = await Scene.open(t)
  const isChosen = (id: number): boolean => id % 3 === 0
  let refills = 0
  const fill = (): { folder: string, lines: string[] } => scene.writeSpool(COUNT, { segments: 40, lineFor: id => lineOf(id, { level: isChosen(id) ? 50 : 30 }) })
  const { folder, lines } = fill()
  for (let kill = 0; kill < kills; kill++) {
    const [isToSend, moment] = [random() < 0.3, random()]
    const { signal } = await scene.replay(['--filter', 'level>=50'], folder, async child => {
      let timer = isToSend ? setTimeout(() => child.kill('SIGKILL'), 150 + moment * 500) : undefined
      // Else as it writes segments anew, which are 40.
      const watcher = watch(folder, (_event, name) => {
        if (name?.endsWith('.new') === true) timer ??= setTimeout(() => child.kill('SIGKILL'), moment * 100)
      })
      await once(child, 'exit')
      clearTimeout(timer)
      watcher.close()
    })
    const waiting = await waitingIn(folder)
    const kept = new Set(waiting)
    t.same(waiting, lines.filter(line => kept.has(line)), `after kill ${kill + 1} all that is there is as it was, once and in order`)
    const arrived = new Set(scene.arrived)
    t.same(lines.filter((line, id) => !kept.has(line) && !(isChosen(id) && arrived.has(id))), [], 'and what is not there was to be sent, and has arrived')
    if (signal === null) {
      refills++
      fill()
      scene.backend.requests.length = 0
    }
  }
  scene.backend.answer = response => { response.writeHead(204).end() }
  const { code, stderr } = await scene.replay(['--filter', 'level>=50'], folder)
  t.equal(code, 0, stderr)
  t.comment(`${refills} of ${kills} runs were over before they were killed`)
  t.same(new Set(scene.arrived), new Set(numbers(COUNT).filter(isChosen)), 'all arrived that was to be sent')
  t.same(await waitingIn(folder), lines.filter((_, id) => !isChosen(id)), 'and all else is there')
  t.same(readdirSync(folder).filter(name => !name.endsWith('.ndjson')), [], 'no lock, and nothing half written')
})
