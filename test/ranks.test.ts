import t from 'tap'
import { ranksOf, type RankedTarget } from '#lib/ranks'

function target (name: string, { fallback, isFile = false, isolation = 'thread' }: { fallback?: string, isFile?: boolean, isolation?: 'thread' | 'inline' } = {}): RankedTarget {
  return { name, fallback, isolation, source: { kind: 'target', entry: { file: `/${name}.js`, isPinoFile: isFile, ownSink: undefined, target: name, options: {} } } }
}

function ranks (...targets: readonly RankedTarget[]): Record<string, number> {
  return Object.fromEntries(ranksOf(targets))
}

t.test('targets that nothing depends on end first, side by side', async t => {
  t.strictSame(ranks(target('a'), target('b')), { a: 0, b: 0 })
})

t.test('a fallback ends after the longest chain of targets that leads to it', async t => {
  t.strictSame(ranks(target('last'), target('a', { fallback: 'b' }), target('b', { fallback: 'last' }), target('c', { fallback: 'last' })), { last: 2, a: 0, b: 1, c: 0 })
})

t.test('an inline file ends last, since the last diagnostics go to it', async t => {
  const file = target('file', { isFile: true, isolation: 'inline' })
  t.strictSame(ranks(file, target('a', { fallback: 'b' }), target('b')), { file: 2, a: 0, b: 1 })
  t.strictSame(ranks(file), { file: 1 })
})

t.test('a file that may pass on lines, or that has a thread, ends like any other target', async t => {
  const passesOn = target('passes-on', { isFile: true, isolation: 'inline', fallback: 'stderr' })
  t.strictSame(ranks(passesOn, target('threaded', { isFile: true }), target('a')), { 'passes-on': 0, threaded: 0, a: 0 })
})

t.test('a file that is a fallback keeps its place in the chain', async t => {
  t.strictSame(ranks(target('a', { fallback: 'file' }), target('file', { isFile: true, isolation: 'inline' })), { a: 0, file: 1 })
})
