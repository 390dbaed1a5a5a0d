// Kind: a record about a loss is counted as told once somebody has been given it, and is lost with whoever that was.
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import type { TargetOptions } from 'pino-breaker-fanout'
import { readLogFile } from '../support/log-file.js'
import { runLogger } from '../support/logger-process.js'

interface Told { sink?: string, msg: string, from?: string, reason?: string, err?: { message: string } }

/** A delivery sink that is down for good. */
function brokenIn (t: Test, name: string): TargetOptions {
  const [lines, attempts, down] = ['lines', 'attempts', 'down'].map(what => join(t.testdirName, `${name}.${what}`)) as [string, string, string]
  writeFileSync(down, '')
  writeFileSync(lines, '')
  return { name, target: resolve('test/fixtures/sink-records-batches.js'), options: { lines, attempts, down }, breaker: { failureThreshold: 1, recoveryTimeoutMs: 60000 } }
}

function toldOn (stderr: string): Told[] {
  return stderr.split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line) as Told)
}

t.test('a record is on stderr, once, if each target that got it fails a moment later', async t => {
  t.testdir()
  const targets = ['first', 'second', 'third'].map(name => brokenIn(t, name))
  const { code, stderr } = await runLogger({ options: { targets }, lines: 100, ending: 'loop', awaitsOpen: 3 })
  t.equal(code, 0)
  const open = toldOn(stderr).filter(({ from }) => from === 'closed')
  t.same(open.map(({ sink }) => sink).sort(), ['first', 'second', 'third'])
})

t.test('a record that a file has taken is not on stderr, whatever became of it elsewhere', async t => {
  const dir = t.testdir()
  const file = join(dir, 'app.log')
  const targets = [brokenIn(t, 'first'), brokenIn(t, 'second'), { target: 'pino/file', options: { destination: file } }]
  const { stderr } = await runLogger({ options: { targets }, lines: 100, ending: 'loop', awaitsOpen: 2 })
  t.same(toldOn(stderr), [])
  const { diagnostics } = readLogFile(file)
  t.same((diagnostics as Told[]).filter(({ from }) => from === 'closed').map(({ sink }) => sink).sort(), ['first', 'second'])
  const undelivered = (diagnostics as Told[]).filter(({ msg }) => msg === 'sink lines undelivered at close')
  t.match(undelivered, [{ reason: 'write-error', err: { message: String } }, { reason: 'write-error', err: { message: String } }], 'with why')
})
