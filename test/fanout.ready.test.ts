import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { FanoutStream } from '#lib/fanout'
import { parseOptions } from '#lib/options'
import type { FanoutOptions } from '#lib/options/types'
import { loadParts } from '#lib/parts'
import { HandClock } from './support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** Begins to wait for the sinks in this thread. */
async function begin (targets: FanoutOptions['targets']): Promise<{ stream: FanoutStream, isReady: () => boolean }> {
  const settings = parseOptions({ targets, diagnostics: false })
  await loadParts(settings.targets)
  const stream = new FanoutStream(settings, clock)
  let isReady = false
  stream.inlineStarted().then(() => { isReady = true })
  return { stream, isReady: () => isReady }
}

async function destroy (stream: FanoutStream): Promise<void> {
  clock.release()
  const closed = once(stream, 'close')
  stream.destroy()
  await closed
}

t.test('a transport is ready once the file of an inline sink is open', async t => {
  const file = join(t.testdir({}), 'app.log')
  const { stream, isReady } = await begin([{ target: 'pino/file', options: { destination: file } }])
  t.notOk(isReady())
  while (!isReady()) await nextTurn()
  t.ok(existsSync(file))
  await destroy(stream)
})

t.test('a sink in this thread that does not start delays it by a quarter of a second, and one that fails by nothing', async t => {
  const hanging = await begin([{ target: resolve('test/fixtures/sink-factory-hangs.js'), isolation: 'inline' }])
  const failing = await begin([{ target: resolve('test/fixtures/sink-factory-throws.js'), isolation: 'inline' }])
  while (!failing.isReady()) await nextTurn()
  clock.advance(249)
  await nextTurn()
  t.notOk(hanging.isReady())
  clock.advance(1)
  await nextTurn()
  t.ok(hanging.isReady())
  await Promise.all([destroy(hanging.stream), destroy(failing.stream)])
})

t.test('a sink in a thread delays it by nothing', async t => {
  const { stream, isReady } = await begin([{ target: resolve('test/fixtures/sink-factory-hangs.js') }])
  await nextTurn()
  t.ok(isReady())
  await destroy(stream)
})
