import t from 'tap'
import { Faults } from '#lib/options/faults'
import { nameTargets } from '#lib/options/names'

function names (...targets: Parameters<typeof nameTargets>[0]): string[] {
  const faults = new Faults()
  const named = nameTargets(targets, faults)
  faults.throwIfAny()
  return named
}

t.test('a name comes from the target if none is given', async (t) => {
  for (const [target, name] of [
    ['pino/file', 'file'],
    ['pino-loki', 'pino-loki'],
    ['@logtail/pino', '@logtail/pino'],
    ['/app/lib/my-sink.js', 'my-sink'],
    ['/app/lib/my.sink.mjs', 'my.sink'],
    ['./my-sink.cjs', 'my-sink'],
    ['..\\my-sink.js', 'my-sink'],
    ['file:///app/my-sink.mjs?v=1#x', 'my-sink'],
    ['/app/my-sink/index.js', 'my-sink'],
    ['/index.js', 'target']
  ] as const) {
    t.strictSame(names({ target }), [name], target)
  }
})

t.test('a pipeline is named for its last entry', async (t) => {
  t.strictSame(names({ pipeline: [{ target: 'pino-pretty' }, { target: 'pino/file' }] }), ['file'])
})

t.test('a derived name that is taken gets a number', async (t) => {
  t.strictSame(names({ target: 'a' }, { target: 'a' }, { target: 'a' }), ['a', 'a-2', 'a-3'])
  t.strictSame(names({ target: 'a' }, { target: 'a-2' }, { target: 'a' }), ['a', 'a-2', 'a-3'])
})

t.test('a given name is never taken by a derived one, wherever it stands', async (t) => {
  t.strictSame(names({ target: 'a' }, { target: 'b', name: 'a' }), ['a-2', 'a'])
})

t.test('a derived name is never one that means something else', async (t) => {
  t.strictSame(names({ target: '/app/stderr.js' }, { target: 'others' }), ['stderr-2', 'others-2'])
})

t.test('what is no target gets a name too, so that the others keep their places', async (t) => {
  t.strictSame(names(undefined, { target: 'a' }), ['target', 'a'])
})
