import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { messagesIn, writeRecipes } from '../support/recipes.js'
import { runProcess } from '../support/run-process.js'

const LIMIT_MS = 90000
const COUNT = 20
t.setTimeout(2 * LIMIT_MS)
const folder = writeRecipes('loggers')

t.test('loggers that come and go: each that is ended has delivered its line', async t => {
  const logs = t.testdir()
  const result = await runProcess(process.execPath, ['tenants.mjs'], { cwd: folder, limitMs: LIMIT_MS, env: { LOG_FOLDER: logs } })
  t.match(result, { code: 0, signal: null, stderr: '' })
  for (let n = 1; n <= COUNT; n++) t.strictSame(messagesIn(join(logs, `tenant-${n}.log`)), ['served'])
})

t.test('loggers that nobody holds leave no thread behind, and what they have flushed is in their files', { skip: process.platform !== 'linux' && 'threads are counted in /proc' }, async t => {
  const logs = t.testdir()
  const { code, stdout, stderr } = await runProcess(process.execPath, ['--expose-gc', '--no-warnings', resolve('test/fixtures/app-drops-loggers.js'), logs, String(COUNT), String(LIMIT_MS / 3)], { cwd: process.cwd(), limitMs: LIMIT_MS, env: { NODE_V8_COVERAGE: '' } })
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const { before, after } = JSON.parse(stdout) as { before: number, after: number }
  t.ok(after <= before, `${before} threads before, and ${after} after`)
  for (let n = 0; n < COUNT; n++) t.match(readFileSync(join(logs, `${n}.log`), 'utf8'), /"n":\d+,"msg":"dropped"\}\n$/)
})
