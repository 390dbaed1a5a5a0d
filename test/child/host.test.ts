import { join } from 'node:path'
import { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import type { ChildSource } from '#lib/child/child'
import { SinkHost } from '#lib/child/host'

const modules = {
  'writable.mjs': `
    import { Writable } from 'node:stream'
    export default async options => options.stream = new Writable({ write: (chunk, encoding, done) => { options.written = (options.written ?? '') + chunk; done() } })`,
  'transform.mjs': `
    import { Transform } from 'node:stream'
    export default async options => options.stream = new Transform({ transform: (chunk, encoding, done) => done(null, String(chunk).toUpperCase()) })`,
  'given.mjs': 'export default options => options.sink',
  'late.mjs': 'export default options => new Promise(resolve => { options.resolve = resolve })',
  'loads-late.mjs': 'await globalThis.whenReleased; export default options => { options.isOpen = true; return {} }',
  'rejects.mjs': 'export default async () => { throw Object.assign(new Error("no licence"), { code: "E_LICENCE" }) }',
  'throws.mjs': 'export default () => { throw new Error("no licence") }'
}

type Told = [what: string, ...details: unknown[]]

/** A host for sinks of the modules above, and its recorded reports. */
function createHost (t: Test, names: string[], options: Record<string, unknown> = {}, source: Partial<ChildSource> = {}) {
  const folder = t.testdir(modules)
  const told: Told[] = []
  const tell = (what: string) => (...details: unknown[]): void => { told.push([what, ...details]) }
  const host = new SinkHost({
    sink: 'loki',
    entries: names.map(name => ({ file: join(folder, name), isPinoFile: false, options })),
    isPipeline: names.length > 1,
    redelivers: true,
    failureEvents: [],
    sense: false,
    writeTimeoutMs: 10000,
    willSendConfig: false,
    ...source
  }, {
    onReady: tell('ready'),
    onAccepted: tell('accepted'),
    onDelivered: tell('delivered'),
    onAnswered: tell('answered'),
    onSensed: tell('sensed'),
    onSetback: tell('setback'),
    onRefused: tell('refused'),
    onSettled: tell('settled'),
    onFailure: tell('failure'),
    onLateDelivery: tell('late delivery'),
    onLateFault: tell('late'),
    onEnded: tell('ended'),
    onEvent: tell('event')
  })
  return { host, told, options }
}

const turn = async (): Promise<void> => { for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve)) }
const order = { id: 'life:0', content: 'a\n', count: 1, bytes: 2, attempt: 1 }

t.test('a stream is started, written to, flushed and ended', async t => {
  const { host, told, options } = createHost(t, ['writable.mjs'])
  await host.start()
  t.same(told, [['ready', 'stream']])
  t.equal(host.takes, 'bytes')
  host.write('a\n', 2)
  await turn()
  t.equal(options['written'], 'a\n')
  t.same(told.slice(1), [['accepted', 2, 2], ['delivered', 2]])
  t.equal(host.consumedBytes, 2)
  await host.flush()
  host.end()
  await turn()
  t.same(told.slice(3), [['ended']])
})

t.test('a delivery sink is started, given batches, flushed and ended', async t => {
  const seen: unknown[] = []
  const sink = {
    send: async ({ id }: { id: string }) => { seen.push(id) },
    flush: () => { seen.push('flush') },
    close: async () => { seen.push('close') }
  }
  const { host, told } = createHost(t, ['given.mjs'], { sink })
  await host.start()
  t.same(told, [['ready', 'delivery']])
  t.match(host, { takes: 'batches', consumedBytes: 0 })
  host.send(order)
  await host.flush()
  host.end()
  await turn()
  t.same(seen, ['life:0', 'flush', 'close'])
  t.same(told.slice(1), [['settled', 'life:0', undefined], ['ended']])
})

t.test('what is meant for one kind of sink is nothing to the other, nor to one that is not there', async t => {
  const { host, told, options } = createHost(t, ['writable.mjs'])
  host.end()
  host.write('a\n', 2)
  await host.flush()
  await host.start()
  host.send(order)
  host.abort('life:0')
  const delivery = createHost(t, ['given.mjs'], { sink: { send: async () => {} } })
  await delivery.host.start()
  delivery.host.write('a\n', 2)
  await turn()
  t.same([told, delivery.told, options['written']], [[['ready', 'stream']], [['ready', 'delivery']], undefined])
})

t.test('a send that is given up, or whose sink is got rid of, is aborted', async t => {
  const signals: AbortSignal[] = []
  const sink = { send: async (_batch: unknown, { signal }: { signal: AbortSignal }) => { signals.push(signal); await new Promise((_resolve, reject) => { signal.onabort = () => reject(signal.reason) }) } }
  const { host, told } = createHost(t, ['given.mjs'], { sink })
  await host.start()
  host.send(order)
  await turn()
  host.abort('life:0')
  await turn()
  t.match(told[1], ['settled', 'life:0', { err: { code: 'ERR_FANOUT_SINK_TIMEOUT' } }])
  host.send(order)
  await turn()
  host.destroy()
  await turn()
  t.same(signals.map(({ aborted }) => aborted), [true, true])
  t.equal(told.length, 2, 'and after that nothing is told')
})

t.test('a start that fails is told with its reason', async t => {
  const starts: Array<[names: string[], sink: unknown, err: object | undefined]> = [
    [['rejects.mjs'], undefined, { message: 'no licence', code: 'E_LICENCE' }],
    [['throws.mjs'], undefined, { message: 'no licence' }],
    [['missing.mjs'], undefined, { code: 'ERR_MODULE_NOT_FOUND' }],
    [['given.mjs'], undefined, { code: 'ERR_FANOUT_SINK_INVALID', message: /the factory must return a stream, or an object with send\(\); it returned undefined/ }],
    [['given.mjs'], null, { code: 'ERR_FANOUT_SINK_INVALID', message: /it returned null/ }],
    [['given.mjs'], () => {}, { code: 'ERR_FANOUT_SINK_INVALID', message: /it returned a function/ }],
    [['given.mjs'], { close () {} }, { code: 'ERR_FANOUT_SINK_INVALID', message: /it returned an object with neither write\(\) nor send\(\)/ }],
    [['given.mjs'], { send () {}, write () {} }, { code: 'ERR_FANOUT_SINK_INVALID', message: /both send\(\) and write\(\); a delivery sink has send\(\) without write\(\)/ }],
    [['given.mjs'], { write () {} }, { code: 'ERR_FANOUT_SINK_INVALID', message: /with write\(\) and without on\(\), which is no stream/ }],
    [['given.mjs'], new Writable({ async write () { await Promise.resolve() } }), undefined],
    [['given.mjs'], new Writable({ async write (_chunk: unknown, _encoding: unknown) { await Promise.resolve() } }), { code: 'ERR_FANOUT_SINK_INVALID', message: /is async and takes no callback/ }],
    [['writable.mjs', 'given.mjs'], {}, { code: 'ERR_FANOUT_SINK_INVALID', message: /pipeline\[1\] is no stream, got object/ }],
    [['writable.mjs', 'given.mjs'], null, { code: 'ERR_FANOUT_SINK_INVALID', message: /pipeline\[1\] is no stream, got null/ }]
  ]
  for (const [names, sink, err] of starts) {
    const { host, told } = createHost(t, names, { sink })
    await host.start()
    if (err === undefined) t.match(told, [['ready', 'stream']], 'one that may find its callback among its arguments')
    else t.match(told, [['failure', { reason: 'start-failed', err }]])
    host.destroy()
  }
})

t.test('the other streams of a pipeline that cannot start are not left open', async t => {
  for (const fails of [true, false]) {
    const options = {
      stream: undefined as unknown,
      get sink (): unknown { return failOnceOpen() }
    }
    const failOnceOpen = async (): Promise<unknown> => {
      while (options.stream === undefined) await turn()
      if (fails) throw new Error('no licence')
      return 'no stream'
    }
    const { host, told } = createHost(t, ['writable.mjs', 'given.mjs'], options)
    await host.start()
    await host.whenIdle()
    t.match(options.stream, { destroyed: true })
    t.match(told, [['failure', { reason: 'start-failed', err: { message: fails ? 'no licence' : /pipeline\[1\] is no stream/ } }]])
  }
})

t.test('a stream of a pipeline that has failed before its module was loaded is not opened', async t => {
  let release = (): void => {}
  Object.assign(globalThis, { whenReleased: new Promise<void>(resolve => { release = resolve }) })
  const { host, told, options } = createHost(t, ['loads-late.mjs', 'rejects.mjs'])
  await host.start()
  t.match(told, [['failure', { reason: 'start-failed', err: { message: 'no licence' } }]])
  release()
  await host.whenIdle()
  t.notOk(options['isOpen'])
})

t.test('a sink that starts after it was got rid of is got rid of too, whatever it does then', async t => {
  for (const sink of [{ destroy () { this.isDestroyed = true; throw new Error('cannot') }, isDestroyed: false }, null]) {
    const { host, told, options } = createHost(t, ['late.mjs'])
    const start = host.start()
    while (options['resolve'] === undefined) await turn()
    host.destroy()
    ;(options['resolve'] as (sink: unknown) => void)(sink)
    await start
    await turn()
    t.same(told, [])
    if (sink !== null) t.ok(sink.isDestroyed)
  }
})

t.test('a sink that is got rid of while its module is loaded opens nothing', async t => {
  const { host, told, options } = createHost(t, ['writable.mjs'])
  const start = host.start()
  host.destroy()
  await start
  await host.whenIdle()
  t.equal(options['stream'], undefined)
  t.same(told, [])
})

t.test('one failure is told, and nothing after it', async t => {
  const { host, told, options } = createHost(t, ['writable.mjs'])
  await host.start()
  const stream = options['stream'] as NodeJS.WritableStream & { destroy (error: Error): void }
  stream.destroy(new Error('boom'))
  await turn()
  host.write('a\n', 2)
  host.end()
  await turn()
  t.match(told.slice(1), [['failure', { reason: 'stream-error', err: { message: 'boom' } }]])
})

t.test('a flush that fails is a failure, and does not reject', async t => {
  for (const sink of [{ send: async () => {}, flush: async () => { throw new Error('full') } }]) {
    const { host, told } = createHost(t, ['given.mjs'], { sink })
    await host.start()
    await host.flush()
    t.match(told.slice(1), [['failure', { reason: 'write-error', err: { message: 'full' } }]])
  }
})

t.test('a delivery sink that cannot be closed has not ended in good order', async t => {
  const { host, told } = createHost(t, ['given.mjs'], { sink: { send: async () => {}, close: async () => { throw new Error('cannot') } } })
  await host.start()
  host.end()
  await turn()
  t.match(told.slice(1), [['failure', { reason: 'stream-error', err: { message: 'cannot' } }]])
})

t.test('a pipeline takes lines at its head, and has ended when its tail has', async t => {
  const { host, told, options } = createHost(t, ['transform.mjs', 'writable.mjs'])
  await host.start()
  t.same(told, [['ready', 'stream']])
  host.write('a\n', 2)
  await turn()
  t.equal(options['written'], 'A\n')
  host.end()
  await turn()
  t.same(told.slice(1), [['accepted', 2, 2], ['ended']])
})

t.test('a stream that is got rid of is destroyed', async t => {
  const { host, told, options } = createHost(t, ['writable.mjs'])
  await host.start()
  host.destroy()
  await turn()
  t.match(options['stream'], { destroyed: true })
  t.same(told, [['ready', 'stream']])
})

t.test('a transport that can report its failures is asked to, where its traffic is watched', async t => {
  const folder = t.testdir({
    node_modules: {
      'pino-datadog-transport': {
        'index.mjs': `
          import { Writable } from 'node:stream'
          export default ({ onError }) => { onError?.(new Error('no')); return new Writable({ write () {} }) }`
      }
    }
  })
  const file = join(folder, 'node_modules', 'pino-datadog-transport', 'index.mjs')
  const source: ChildSource = { sink: 'datadog', entries: [{ file, isPinoFile: false, options: {} }], isPipeline: false, redelivers: true, failureEvents: [], sense: { console: false }, writeTimeoutMs: 10000, willSendConfig: false }
  const none = (): void => {}
  const listener = { onReady: none, onAccepted: none, onDelivered: none, onAnswered: none, onSensed: none, onSetback: none, onRefused: none, onSettled: none, onFailure: none, onLateDelivery: none, onLateFault: none, onEnded: none, onEvent: none }
  const reported: unknown[] = []
  await new SinkHost(source, listener, { isQuiet: false, isBusy: false, socketTraffic: { written: 0, sent: 0 }, reportBySink: error => reported.push(error) }).start()
  t.match(reported, [{ message: 'no' }])
  await new SinkHost(source, listener).start()
  t.equal(reported.length, 1, 'and not with sense: false')
})
