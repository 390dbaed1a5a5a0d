import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { fileTarget, LIMIT_MS, startRun } from '../support/run-command.js'

t.setTimeout(2 * LIMIT_MS)

const LINES = 1000000
const LEVELS = [30, 20, 50, 30]
const BLOCK = 1000

t.test('a million lines go to three files by their level, all of them and in order', async t => {
  const dir = t.testdir({})
  const targets = ['trace', 'info', 'error'].map(level => fileTarget(level, { level }))
  const run = startRun(t, dir, { targets })
  const { code, stderr } = await run.send((function * () {
    for (let from = 0; from < LINES; from += BLOCK) {
      let block = ''
      for (let n = from; n < from + BLOCK; n++) block += `{"level":${LEVELS[n % 4]},"time":1795514400000,"n":${n},"msg":"größe, 東京"}\n`
      yield block
    }
  })())
  t.same({ code, stderr }, { code: 0, stderr: '' })
  for (const [name, level] of [['trace', 10], ['info', 30], ['error', 50]] as const) {
    let next = 0
    let wrong = 0
    const skip = (): void => { while (next < LINES && (LEVELS[next % 4] as number) < level) next++ }
    skip()
    for await (const line of createInterface({ input: createReadStream(join(dir, `${name}.log`)) })) {
      if (Number(/"n":(\d+),/.exec(line)?.[1]) !== next || !line.endsWith('"größe, 東京"}')) wrong++
      next++
      skip()
    }
    t.same({ wrong, next }, { wrong: 0, next: LINES }, name)
  }
})
