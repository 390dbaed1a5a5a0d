import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import fanout, { type FanoutStream } from '#lib/fanout'
import type { FanoutOptions } from '#lib/options'
import { until } from './support/fanout-rig.js'

const line = (level: number, msg: string): string => `{"level":${level},"msg":"${msg}"}\n`
const A_MINUTE_MS = 60000

async function open (t: Test, options: FanoutOptions): Promise<FanoutStream> {
  const stream = await fanout({ diagnostics: false, closeTimeoutMs: 500, ...options })
  t.teardown(async () => {
    if (stream.closed) return
    stream.destroy()
    await once(stream, 'close')
  })
  return stream
}

/** A transport with one sink that gathers lines for a minute, in its own thread or not. */
async function openGathering (t: Test, options: Omit<FanoutOptions, 'targets'> = {}): Promise<{ stream: FanoutStream, read: () => string }> {
  const dir = t.testdir()
  const lines = join(dir, 'lines')
  const stream = await open(t, {
    targets: [{ target: resolve('test/fixtures/sink-records-batches.js'), isolation: 'inline', batch: { maxMs: A_MINUTE_MS }, options: { lines, attempts: join(dir, 'attempts'), down: join(dir, 'down') } }],
    ...options
  })
  await until(() => stream.snapshot().sinks[0]?.state === 'closed', 'the sink')
  return { stream, read: () => existsSync(lines) ? readFileSync(lines, 'utf8') : '' }
}

t.test('a line at level fatal does not wait in a sink that gathers lines', async t => {
  t.test('by itself', async t => {
    const { stream, read } = await openGathering(t)
    stream.write(line(30, 'one'))
    stream.write(line(60, 'two'))
    await until(() => read() === line(30, 'one') + line(60, 'two'), 'both lines')
  })

  t.test('in a large chunk', async t => {
    const { stream, read } = await openGathering(t)
    const chunk = line(30, 'x'.repeat(20000)) + line(60, 'two') + line(30, 'y'.repeat(20000))
    stream.write(chunk)
    await until(() => read() === chunk, 'the chunk')
  })

  t.test('at a level of the app that is as high', async t => {
    const { stream, read } = await openGathering(t, { levels: { panic: 70 } })
    stream.write(line(30, 'one'))
    stream.write(line(70, 'two'))
    await until(() => read() === line(30, 'one') + line(70, 'two'), 'both lines')
  })

  t.test('with parallel: false', async t => {
    const { stream, read } = await openGathering(t, { parallel: false })
    stream.write(line(30, 'one'))
    stream.write(line(60, 'two'))
    await until(() => read() === line(30, 'one') + line(60, 'two'), 'both lines')
  })
})

t.test('a line at level error waits in a sink that gathers lines, as any other', async t => {
  const { stream, read } = await openGathering(t)
  stream.write(line(50, 'one'))
  stream.write(line(50, 'two'))
  await until(() => stream.snapshot().sinks[0]?.queueLines === 2, 'both lines in the queue')
  t.equal(read(), '')
  stream.end()
  await once(stream, 'close')
  t.equal(read(), line(50, 'one') + line(50, 'two'), 'the end does not wait')
})

t.test('a flush does not take longer than its limit behind a sink that pushes back', async t => {
  const stream = await open(t, {
    targets: [{ target: resolve('test/fixtures/sink-never-calls-back.js'), isolation: 'inline', queue: { overflow: 'block', maxLines: 10, blockTimeoutMs: A_MINUTE_MS }, options: { decodeStrings: false } }],
    flush: { timeoutMs: 50 }
  })
  let isTaken = false
  stream.write(line(30, 'first').repeat(10))
  stream.write(line(30, 'much').repeat(10000), () => { isTaken = true })
  stream.write(line(30, 'last'))
  await new Promise<void>(resolve => { stream.flush(() => resolve()) })
  t.notOk(isTaken, 'the sink still pushes back')
})

for (const parallel of [true, false]) {
  t.test(`lines keep their order, however they come, and none waits for the end: parallel: ${parallel}`, async t => {
    const dir = t.testdir()
    const stream = await open(t, {
      targets: [
        { target: 'pino/file', options: { destination: join(dir, 'a') } },
        { target: 'pino/file', isolation: 'thread', options: { destination: join(dir, 'b') } },
        { target: resolve('test/fixtures/sink-records-writes.js'), isolation: 'thread', options: { lines: join(dir, 'c'), attempts: join(dir, 'c.attempts'), down: join(dir, 'down') } }
      ],
      parallel
    })
    let written = ''
    for (let n = 0; n < 200; n++) {
      const text = line([30, 30, 30, 50, 30, 60][n % 6] as number, `${n} ${'x'.repeat(n % 50 === 49 ? 20000 : n)}`)
      written += text
      if (!stream.write(text)) await once(stream, 'drain')
      if (n % 40 === 0) await until(() => stream.snapshot().sinks.every(({ linesReceived }) => linesReceived === n + 1), 'a pause')
    }
    // Before the end, which has a limit: a thread may take longer than that to start.
    await until(() => stream.snapshot().sinks.every(({ linesDelivered }) => linesDelivered === 200), 'the last line')
    for (const name of ['a', 'b', 'c']) t.ok(readFileSync(join(dir, name), 'utf8') === written, name)
    stream.end()
    await once(stream, 'close')
  })
}

t.test('at a steady rate', async t => {
  const files = (dir: string): FanoutOptions => ({ targets: ['a', 'b'].map(name => ({ target: 'pino/file', options: { destination: join(dir, name) } })) })

  t.test('the writer is asked to pause, and told to go on', async t => {
    const dir = t.testdir()
    const stream = await open(t, files(dir))
    let written = ''
    let pauses = 0
    // As ThreadStream, it writes what it has got meanwhile.
    let waiting = ''
    let isPaused = false
    const write = (): void => {
      const text = waiting
      if (isPaused || text === '') return
      waiting = ''
      written += text
      if (stream.write(text)) return
      if (stream.writableNeedDrain) t.fail('it is no lack of room')
      pauses++
      isPaused = true
      stream.once('drain', () => {
        isPaused = false
        write()
      })
    }
    const timer = setInterval(() => {
      waiting += line(30, 'x'.repeat(200))
      write()
    }, 1)
    await until(() => pauses >= 20, 'pauses')
    clearInterval(timer)
    isPaused = false
    write()
    stream.end()
    await once(stream, 'close')
    for (const name of ['a', 'b']) t.ok(readFileSync(join(dir, name), 'utf8') === written, name)
  })

  t.test('a writer that goes on all the same loses nothing and is not slowed down', async t => {
    const dir = t.testdir()
    const stream = await open(t, files(dir))
    let written = ''
    for (let n = 0, isAsked = false; n < 50 || !isAsked; n++) {
      const text = line(30, `${n} ${'x'.repeat(300)}`)
      written += text
      const mayGoOn = stream.write(text)
      isAsked ||= !mayGoOn
      if (stream.writableLength > 0) t.fail('the stream has not passed it on')
      await sleep(2)
    }
    stream.end()
    await once(stream, 'close')
    for (const name of ['a', 'b']) t.ok(readFileSync(join(dir, name), 'utf8') === written, name)
  })

  t.test('a stream that is piped into it is read to its end', async t => {
    const dir = t.testdir()
    const stream = await open(t, files(dir))
    const texts = Array.from({ length: 100 }, (_, n) => line(30, `${n} ${'x'.repeat(800)}`))
    Readable.from((async function * () {
      for (const text of texts) {
        yield text
        await sleep(1)
      }
    })()).pipe(stream)
    await once(stream, 'close')
    for (const name of ['a', 'b']) t.ok(readFileSync(join(dir, name), 'utf8') === texts.join(''), name)
  })
})
