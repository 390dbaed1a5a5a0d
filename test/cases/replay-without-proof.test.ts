// Kind: one command, two answers. A sink that proves nothing (any that is made by pino-abstract-transport) kept a replay
// waiting until its timeout; then it "gave up", then "nothing is left", with exit code 0.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { letterOf, lineOf, numbers, Scene, waitingIn, writeLetters, type Line } from '../support/replay-scene.js'

const SINK = `
  const build = require(${JSON.stringify(resolve('node_modules/pino-abstract-transport'))})
  const { appendFileSync } = require('node:fs')
  module.exports = ({ file, fails }) => build(async source => {
    for await (const line of source) if (!fails) appendFileSync(file, JSON.stringify(line) + '\\n')
  }, { close: (error, done) => done(fails ? new Error('the backend is down') : error) })`
/** A run that does not wait for anything it cannot get is over long before. */
const TIMEOUT = ['--timeout', '50']

async function openScene (t: Parameters<typeof Scene.open>[0], options: object = {}): Promise<{ scene: Scene, arrived: () => number[] }> {
  const scene = await Scene.open(t)
  const [sink, file] = [join(scene.dir, 'abstract.cjs'), join(scene.dir, 'arrived.ndjson')]
  writeFileSync(sink, SINK)
  scene.configure({ targets: [{ name: 'backend', target: sink, options: { file, ...options }, breaker: { settleMs: 200 } }] })
  const arrived = (): number[] => existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').map(line => (JSON.parse(line) as Line).id) : []
  return { scene, arrived }
}

t.test('dead letters for a sink that proves nothing have arrived once it has ended', async t => {
  const { scene, arrived } = await openScene(t)
  writeLetters(scene.dead, numbers(100).map(id => letterOf(lineOf(id))))
  const { code, stderr } = await scene.replay(TIMEOUT)
  t.equal(stderr, 'delivered 100 of 100 lines; nothing is left\n')
  t.equal(code, 0)
  t.same(arrived(), numbers(100))
  t.notOk(existsSync(scene.dead))
})

t.test('so have the lines of a spool', async t => {
  const { scene, arrived } = await openScene(t)
  const { folder } = scene.writeSpool(100)
  const { code, stderr } = await scene.replay(TIMEOUT, folder)
  t.equal(stderr, 'delivered 100 of 100 lines; nothing is left\n')
  t.equal(code, 0)
  t.same(arrived(), numbers(100))
  t.same(await waitingIn(folder), [])
})

t.test('and those of a spool that a filter lets through', async t => {
  const { scene, arrived } = await openScene(t)
  const { folder } = scene.writeSpool(100, { lineFor: id => lineOf(id, { level: id % 2 === 0 ? 30 : 50 }) })
  const { code, stderr } = await scene.replay([...TIMEOUT, '--filter', 'level>=error'], folder)
  t.equal(stderr, `delivered 50 of 50 lines; 50 lines left in ${folder}\n`)
  t.equal(code, 0)
  t.same(arrived(), numbers(100).filter(id => id % 2 === 1))
  t.equal((await waitingIn(folder)).length, 50)
})

t.test('a sink that fails as it ends has delivered nothing: all lines are left, and it is said why', async t => {
  const { scene } = await openScene(t, { fails: true })
  writeLetters(scene.dead, numbers(100).map(id => letterOf(lineOf(id))))
  const { code, stderr } = await scene.replay(TIMEOUT)
  t.equal(code, 1)
  t.match(stderr, 'backend: accepted all lines, but ended without proof that all have arrived: the backend is down\n')
  t.match(stderr, `delivered 0 of 100 lines; 100 records left in ${scene.dead}\n`)
  t.notMatch(stderr, /gave up|nothing is left/)
  t.equal(scene.left.length, 100)
})

t.test('with a timeout before that, the end of the sink is still what counts, and there is one answer', async t => {
  const { scene, arrived } = await openScene(t)
  scene.configure({ targets: [{ name: 'backend', target: join(scene.dir, 'abstract.cjs'), options: { file: join(scene.dir, 'arrived.ndjson') } }] })
  writeLetters(scene.dead, numbers(10).map(id => letterOf(lineOf(id))))
  const { code, stderr } = await scene.replay(['--timeout', '2'])
  t.equal(stderr, 'delivered 10 of 10 lines; nothing is left\n')
  t.equal(code, 0)
  t.same(arrived(), numbers(10))
})
