import { resolve } from 'node:path'
import t from 'tap'
import { runProcess } from '../support/run-process.js'

const RESTARTS = 80
const LIMIT_MS = 60000

for (const fixture of ['exits', 'write-callback-errors']) {
  t.test(`a sink that ${fixture === 'exits' ? 'ends its thread' : 'fails'} again and again leaves no memory behind`, async t => {
    const plan = { sink: resolve(`test/fixtures/sink-${fixture}.js`), restarts: RESTARTS }
    const args = [resolve('test/fixtures/app-restarts.js'), JSON.stringify(plan)]
    const { stdout, stderr } = await runProcess(process.execPath, args, { cwd: process.cwd(), env: { NODE_V8_COVERAGE: '' }, limitMs: LIMIT_MS })
    t.equal(stderr, '')
    const { early, late } = JSON.parse(stdout) as { early: number, late: number }
    // What a thread is handed its lines through takes 1.5 MB.
    t.ok(late - early < 10e6, `${(early / 1e6).toFixed(1)} MB of buffers after ${RESTARTS / 4} restarts, ${(late / 1e6).toFixed(1)} MB after ${RESTARTS}`)
  })
}
