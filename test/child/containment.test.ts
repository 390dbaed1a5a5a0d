import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { freshLines } from '#lib/batch'
import { containFaults, runContained, runUncontained } from '#lib/child/containment'
import { InlineChild } from '#lib/child/inline-child'
import { deaf } from '../support/deaf-listener.js'

let contexts = 0
const { run } = AsyncLocalStorage.prototype
AsyncLocalStorage.prototype.run = function (this: unknown, ...args: unknown[]) {
  contexts++
  return Reflect.apply(run, this, args)
} as typeof run

const contained = { onStrayFault () {}, onPostedEvent () {} }

t.test('no async context is made before a sink is contained: it costs each promise and timer of the thread', async t => {
  t.equal(runUncontained(() => 1), 1)
  t.equal(contexts, 0)
})

t.test('nor for a file, even beside a contained sink', async t => {
  containFaults()
  runContained(contained, () => {})
  const before = contexts
  t.ok(before > 0, 'a contained sink has one')

  const destination = join(t.testdir(), 'file.log')
  const reports = new EventTarget()
  const report = (name: string) => () => { reports.dispatchEvent(new Event(name)) }
  const file = createRequire(import.meta.url).resolve('pino/file')
  const child = new InlineChild({
    sink: 'file', entries: [{ file, isPinoFile: true, options: { destination } }], isPipeline: false, redelivers: true, failureEvents: [], sense: false, writeTimeoutMs: 10000, willSendConfig: false
  }, { ...deaf, onReady: report('ready'), onDelivered: report('delivered'), onEnded: report('ended') })
  await once(reports, 'ready')
  const [delivered, ended] = [once(reports, 'delivered'), once(reports, 'ended')]
  child.send({ id: 'life:0', lines: freshLines(Buffer.from('{"n":1}\n'), 1, 0) })
  await delivered
  child.end()
  await ended
  t.equal(readFileSync(destination, 'utf8'), '{"n":1}\n')
  t.equal(contexts, before)
})
