import { once } from 'node:events'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import fanout, { type FanoutStream } from '#lib/fanout'
import type { FanoutOptions } from '#lib/options'
import type { FanoutSnapshot } from '#lib/metrics'
import { until } from './support/fanout-rig.js'

const line = (level: number, msg: string): string => `{"level":${level},"msg":"${msg}"}\n`

async function open (t: Test, options: Partial<FanoutOptions> = {}): Promise<{ stream: FanoutStream, read: (name?: string) => string, dir: string }> {
  const dir = t.testdir()
  const stream = await fanout({
    targets: ['a', 'b'].map(name => ({ name, target: 'pino/file', options: { destination: join(dir, name) } })),
    diagnostics: false,
    ...options
  })
  // A file that is opened after its folder was removed would leave a stream by which pino fails at the exit of this process.
  await stream.inlineStarted()
  t.teardown(async () => {
    if (stream.closed) return
    stream.destroy()
    await once(stream, 'close')
  })
  return { stream, dir, read: (name = 'a') => existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : '' }
}

async function delivered (stream: FanoutStream): Promise<void> {
  await until(() => stream.snapshot().sinks.every(({ linesReceived, linesDelivered }) => linesReceived === linesDelivered), 'all lines to arrive')
}

async function end (stream: FanoutStream): Promise<void> {
  stream.end()
  await once(stream, 'close')
}

t.test('a level that is set at run time decides about the lines that follow', async t => {
  const { stream, read } = await open(t)
  stream.write(line(20, 'one'))
  stream.write(line(30, 'two'))
  await until(() => stream.snapshot().sinks[0]?.linesReceived === 1, 'the first lines to be routed')
  stream.setLevel('debug', 'a')
  t.match(stream.snapshot().sinks, [{ name: 'a', level: 20 }, { name: 'b', level: 30 }])
  stream.write(line(20, 'three'))
  await until(() => stream.snapshot().sinks[0]?.linesReceived === 2, 'the next line to be routed')
  stream.setLevel(50)
  stream.write(line(40, 'four') + line(50, 'five'))
  await end(stream)
  t.equal(read('a'), line(30, 'two') + line(20, 'three') + line(50, 'five'))
  t.equal(read('b'), line(30, 'two') + line(50, 'five'))
})

t.test('a level may be that of all lines, or of none', async t => {
  const { stream, read } = await open(t)
  stream.setLevel('all', 'a')
  stream.setLevel('silent', 'b')
  t.match(stream.snapshot().sinks, [{ level: 'all' }, { level: 'silent' }])
  stream.write('no json\n' + line(60, 'fatal'))
  await end(stream)
  t.equal(read('a'), 'no json\n' + line(60, 'fatal'))
  t.equal(read('b'), 'no json\n', 'a line without a level goes to all targets')
})

t.test('a level for all leaves out standby targets', async t => {
  const dir = t.testdir()
  const { stream } = await open(t, {
    targets: [
      { name: 'a', target: 'pino/file', options: { destination: join(dir, 'a') }, whenOpen: 'fallback', fallback: 'spare' },
      { name: 'spare', target: 'pino/file', standby: true, options: { destination: join(dir, 'spare') } }
    ]
  })
  stream.setLevel('warn')
  t.match(stream.snapshot().sinks, [{ name: 'a', level: 40 }, { name: 'spare', level: 'all' }])
})

t.test('wrong calls say what is allowed', async t => {
  const { stream } = await open(t)
  t.throws(() => stream.setLevel('loud'), { code: 'ERR_FANOUT_UNKNOWN_LEVEL', message: /expected a number, 'all' or one of trace, debug, .*, got "loud"/ })
  t.throws(() => stream.setLevel('debug', 'c'), { code: 'ERR_FANOUT_UNKNOWN_SINK', message: /there is no target "c", expected one of a, b/ })
  await t.rejects(stream.act('open', 'c'), { code: 'ERR_FANOUT_UNKNOWN_SINK' })
})

t.test('a breaker is opened, closed and reset by name', async t => {
  const { stream, read } = await open(t)
  const states: string[] = []
  stream.listen({ onTransition: ({ sink, to, reason }) => { states.push(`${sink} ${to} ${reason}`) } })
  await stream.act('open', 'a')
  stream.write(line(30, 'one'))
  await until(() => read('b') !== '', 'the line in the other file')
  t.match(stream.snapshot().sinks[0], { state: 'open', stateReason: 'forced', queueLines: 1 })
  await stream.act('close', 'a')
  await delivered(stream)
  await stream.act('open', 'a')
  await stream.act('reset', 'a')
  t.same(states, ['a open forced', 'a closed forced', 'a open forced', 'a closed reset'])
  t.match(stream.snapshot().sinks[0]?.transitions, [
    { from: 'closed', to: 'open', reason: 'forced', count: 2 }, { from: 'open', to: 'closed', reason: 'forced', count: 1 }, { from: 'open', to: 'closed', reason: 'reset', count: 1 }
  ])
  await end(stream)
  t.equal(read('a'), line(30, 'one'))
})

t.test('a listener that throws costs nothing, and one that has left is not called', async t => {
  const { stream } = await open(t)
  stream.listen({ onTransition: () => { throw new Error('no') } })
  stream.listen({ onTransition: () => { t.fail('called') } })()
  let calls = 0
  stream.listen({ onTransition: () => { calls++ } })
  await stream.act('open', 'a')
  t.equal(calls, 1)
})

for (const isolation of ['inline', 'thread'] as const) {
  t.test(`files are opened again by their names after a rotation, and no line is lost: ${isolation}`, async t => {
    const { stream, read, dir } = await open(t, { isolation })
    const lines = Array.from({ length: 2000 }, (_, n) => line(30, String(n)))
    for (const [n, text] of lines.entries()) {
      if (!stream.write(text)) await once(stream, 'drain')
      if (n !== 1000) continue
      await until(() => read('a') !== '', 'the first lines in the file')
      renameSync(join(dir, 'a'), join(dir, 'a.1'))
      t.same(await stream.reopenFiles(), ['a', 'b'])
    }
    await end(stream)
    t.ok(read('a').length > 0 && read('a.1').length > 0, 'lines in both')
    t.ok(read('a.1') + read('a') === lines.join(''), 'every line once, in order')
    t.ok(read('b') === lines.join(''), 'the file that was not renamed is continued')
    t.match(stream.snapshot().sinks, [{ restarts: 0, failures: {} }, { restarts: 0, failures: {} }])
  })
}

t.test('a file with append: false is not emptied as it is reopened', async t => {
  const dir = t.testdir()
  const { stream } = await open(t, { targets: [{ name: 'a', target: 'pino/file', options: { destination: join(dir, 'a'), append: false } }] })
  stream.write(line(30, 'one'))
  await delivered(stream)
  await stream.reopenFiles()
  stream.write(line(30, 'two'))
  await end(stream)
  t.equal(readFileSync(join(dir, 'a'), 'utf8'), line(30, 'one') + line(30, 'two'))
})

t.test('only files that have a path are reopened', async t => {
  const { stream } = await open(t, {
    targets: [
      { name: 'stdout', target: 'pino/file', level: 'silent', options: { destination: 1 } },
      { name: 'own', target: resolve('test/fixtures/sink-takes-batches.js') }
    ]
  })
  t.same(await stream.reopenFiles(), [])
})

t.test('after the end the last counts stay, and nothing can be done', async t => {
  const { stream } = await open(t)
  const ends: FanoutSnapshot[] = []
  stream.listen({ onEnd: snapshot => { ends.push(snapshot) } })
  stream.write(line(30, 'one'))
  await end(stream)
  t.equal(ends.length, 1)
  t.match(ends[0], { hasEnded: true, sinks: [{ linesDelivered: 1 }, { linesDelivered: 1 }] })
  t.same(stream.snapshot(), ends[0])
  await t.rejects(stream.act('open', 'a'), { code: 'ERR_FANOUT_CLOSED' })
  await t.rejects(stream.reopenFiles(), { code: 'ERR_FANOUT_CLOSED' })
  t.throws(() => stream.setLevel('debug'), { code: 'ERR_FANOUT_CLOSED' })
})

t.test('a level that is set and a file that is reopened are told in the log', async t => {
  const { stream, read } = await open(t, { diagnostics: { to: ['b'] } })
  stream.setLevel('warn', 'a')
  await stream.act('reopen', 'a')
  await end(stream)
  t.match(read('b').trim().split('\n').map(text => JSON.parse(text) as object), [
    { component: 'control', sink: 'a', takes: 'warn', msg: 'sink level set' }, { component: 'control', sink: 'a', msg: 'sink reopened' }
  ])
  t.throws(() => stream.setLevel('warn', 'a'), { code: 'ERR_FANOUT_CLOSED' })
})

t.test('levels that were set at run time stay when pino brings its own', async t => {
  const dir = t.testdir()
  const stream = await fanout({
    targets: [{ name: 'a', target: 'pino/file', level: 'info', options: { destination: join(dir, 'a') } }], diagnostics: false, pinoWillSendConfig: true
  } as FanoutOptions)
  stream.setLevel(10, 'a')
  stream.write(line(10, 'one'))
  await end(stream)
  t.equal(readFileSync(join(dir, 'a'), 'utf8'), line(10, 'one'))
})

t.test('a sink whose breaker is turned off cannot be opened', async t => {
  const { stream } = await open(t, { breaker: false })
  await t.rejects(stream.act('open', 'a'), { code: 'ERR_FANOUT_BREAKER_OFF', message: /breaker of "a" is turned off/ })
})

t.test('lines that came before a change are not subject to it, though they are being gathered', async t => {
  const write = (stream: FanoutStream, ...lines: string[]): void => { for (const text of lines) stream.write(text) }

  t.test('a level', async t => {
    const { stream, read } = await open(t)
    write(stream, line(30, 'one'), line(30, 'two'), line(30, 'three'))
    stream.setLevel('warn')
    write(stream, line(30, 'four'), line(40, 'five'))
    await end(stream)
    t.equal(read(), line(30, 'one') + line(30, 'two') + line(30, 'three') + line(40, 'five'))
  })

  t.test('an opened breaker', async t => {
    const { stream, read } = await open(t, { targets: [{ name: 'a', target: 'pino/file', whenOpen: 'skip', options: { destination: join(t.testdirName, 'a') } }] })
    write(stream, line(30, 'one'), line(30, 'two'))
    await delivered(stream)
    write(stream, line(30, 'three'), line(30, 'four'))
    const opened = stream.act('open', 'a')
    write(stream, line(30, 'five'), line(30, 'six'))
    await opened
    await until(() => stream.snapshot().sinks[0]?.linesReceived === 6, 'all lines to be routed')
    t.match(stream.snapshot().sinks[0], { linesSkipped: 2 })
    await end(stream)
    t.equal(read(), ['one', 'two', 'three', 'four'].map(msg => line(30, msg)).join(''))
  })

  t.test('a reopened file', async t => {
    const { stream, read, dir } = await open(t)
    write(stream, line(30, 'one'))
    await delivered(stream)
    write(stream, line(30, 'two'), line(30, 'three'))
    renameSync(join(dir, 'a'), join(dir, 'a.1'))
    await stream.act('reopen', 'a')
    write(stream, line(30, 'four'))
    await end(stream)
    t.equal(read('a.1'), line(30, 'one') + line(30, 'two') + line(30, 'three'))
    t.equal(read('a'), line(30, 'four'))
  })
})
