import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { messagesIn } from '../support/recipes.js'
import { runProcess } from '../support/run-process.js'
import { runnerScript, runnersNeeded } from '../support/runners.js'

const LIMIT_MS = 90000
const RUNS = 5
const code = (imports: string): string => `${imports}
  const transport = pino.transport({
    target: 'pino-breaker-fanout',
    options: { targets: [{ target: 'pino/file', options: { destination: process.env.LOG_FILE } }] }
  })
  const log = pino(transport)
  afterAll(() => new Promise(resolve => log.flush(resolve)))
  test('logs', () => { log.info('from a test') })`

for (const [name, script, args, file, source] of [
  ['Vitest', 'vitest/vitest.mjs', ['run', '--root', '.'], 'log.test.mjs', code("import { afterAll, test } from 'vitest'\nimport { pino } from 'pino'")],
  ['Vitest in threads', 'vitest/vitest.mjs', ['run', '--root', '.', '--pool', 'threads'], 'log.test.mjs', code("import { afterAll, test } from 'vitest'\nimport { pino } from 'pino'")],
  ['Jest', 'jest/bin/jest.js', ['--rootDir', '.'], 'log.test.js', code("const { pino } = require('pino')")]
] as const) {
  t.test(`${name}: a line that a test logs is in its file after every run`, runnersNeeded, async t => {
    t.testdir()
    const folder = mkdtempSync(resolve('.runners/app-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(resolve('.'), join(folder, 'node_modules/pino-breaker-fanout'))
    symlinkSync(resolve('node_modules/pino'), join(folder, 'node_modules/pino'))
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    writeFileSync(join(folder, file), source)
    for (let run = 1; run <= RUNS; run++) {
      const log = join(t.testdirName, `${run}.log`)
      const { code, stdout, stderr } = await runProcess(process.execPath, [runnerScript(script), ...args], { cwd: folder, limitMs: LIMIT_MS, env: { LOG_FILE: log, CI: '' } })
      t.equal(code, 0, stdout + stderr)
      t.strictSame(messagesIn(log), ['from a test'])
    }
  })
}
