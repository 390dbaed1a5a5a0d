import t from 'tap'
import { targetFinder, targetOfSpool } from '#lib/cli/target-choice'
import { UsageError } from '#lib/cli/command'
import { parseOptions, type TargetSettings } from '#lib/options'

function targetsOf (...targets: object[]): readonly TargetSettings[] {
  return parseOptions({ targets: targets.map(target => ({ target: 'pino/file', ...target })) }, { env: {}, cwd: '/srv' }).targets
}

const two = targetsOf({ name: 'a' }, { name: 'b/c', whenOpen: 'spool', spool: { dir: 'spool' } })

t.test('a dead letter is for the target that the user names, else for its own, else for the only one', async t => {
  t.equal(targetFinder(two, 'a')('b/c'), two[0])
  t.equal(targetFinder(two, undefined)('b/c'), two[1])
  t.equal(targetFinder(two, undefined)('gone'), undefined)
  const one = targetsOf({ name: 'a' })
  t.equal(targetFinder(one, undefined)('gone'), one[0])
})

t.test('a spool is that of the target that the user names, else of the one that has it or would have it, else of the only one', async t => {
  t.equal(targetOfSpool(two, '/srv/spool/b-c', 'a'), two[0])
  t.equal(targetOfSpool(two, '/srv/spool/b-c', undefined), two[1])
  t.equal(targetOfSpool(two, '/mnt/rescued/b-c', undefined), two[1])
  t.equal(targetOfSpool(two, '/srv/spool/b-c.2', undefined), two[1], 'also of one of its slots')
  t.equal(targetOfSpool(two, '/mnt/rescued/b-c.12', undefined), two[1])
  const one = targetsOf({ name: 'a' })
  t.equal(targetOfSpool(one, '/mnt/rescued/x', undefined), one[0])
})

t.test('what cannot be told is an error that names the choices', async t => {
  t.throws(() => targetFinder(two, 'c'), new UsageError('--target c: there is no such target, expected one of a, b/c'))
  t.throws(() => targetOfSpool(two, '/mnt/x', undefined), new UsageError('/mnt/x: is the spool of no target of the config; choose one with --target: a, b/c'))
  t.throws(() => targetOfSpool(two, '/mnt/x', 'aa'), new UsageError('--target aa: there is no such target, expected one of a, b/c'))
})
