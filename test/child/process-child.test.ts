import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { countLines, freshLines } from '#lib/batch'
import type { ChildListener, ChildSource } from '#lib/child/child'
import { ProcessChild } from '#lib/child/process-child'
import type { ProcessWorkerOptions } from '#lib/child/process-flags'
import type { SinkFailure } from '#lib/failure'
import { deaf } from '../support/deaf-listener.js'
import { until } from '../support/fanout-rig.js'

t.setTimeout(120000)

const modules = {
  // Writes all its lines to the file `to` at its end, so that memory that was used again too early would show.
  'bytes.mjs': `
    import { appendFileSync } from 'node:fs'
    import { Writable } from 'node:stream'
    export default ({ to }) => {
      const given = []
      return new Writable({
        write (chunk, encoding, done) { given.push(chunk); setImmediate(done) },
        final (done) { for (const chunk of given) appendFileSync(to, chunk); done() },
        flush () {}
      })
    }`,
  'sends.mjs': `
    import { appendFileSync } from 'node:fs'
    export default ({ to }) => ({
      send: async ({ id, count, buffer }, { attempt }) => {
        if (attempt === 1) throw Object.assign(new Error('not yet'), { statusCode: 503, cause: Object.assign(new Error('inner'), { code: 'ETIMEDOUT' }) })
        appendFileSync(to, JSON.stringify({ id, count, attempt, text: buffer.toString() }) + '\\n')
      },
      flush: async () => { appendFileSync(to, 'flushed\\n') }
    })`,
  'tells.mjs': `
    import { parentPort } from 'node:worker_threads'
    import { getHeapStatistics } from 'node:v8'
    export default options => {
      const { execArgv, argv, env, pid, title } = process
      parentPort.postMessage({ code: 'EVENT', name: 'told', args: [{ options, argv: argv.slice(2), execArgv, a: env.A, pid, limit: getHeapStatistics().heap_size_limit }] })
      return { send: async () => {} }
    }`,
  'posts-ports.mjs': `
    import { parentPort } from 'node:worker_threads'
    export default () => {
      const { port1 } = new MessageChannel()
      parentPort.postMessage({ code: 'EVENT', name: 'port', args: [port1] }, [port1])
      parentPort.postMessage({ code: 'EVENT', name: 'after', args: [] })
      return { send: async () => {} }
    }`,
  'prints.mjs': `
    import { parentPort } from 'node:worker_threads'
    console.log('from', 'a sink')
    for (let n = 0; n < 3000; n++) console.log('printed ' + n)
    export default () => ({ send: async () => {} })`
}

function sourceOf (t: Test, module: keyof typeof modules, options: unknown = {}): ChildSource {
  return { sink: 'x', entries: [{ file: join(t.testdir(modules), module), isPinoFile: false, options }], isPipeline: false, redelivers: true, failureEvents: [], sense: false, writeTimeoutMs: 10000, willSendConfig: false }
}

function start (t: Test, source: ChildSource, listener: Partial<ChildListener>, worker: ProcessWorkerOptions = {}): ProcessChild {
  const child = new ProcessChild(source, worker, { ...deaf, onFailure: ({ err }) => t.fail(err.message), ...listener })
  t.teardown(() => child.destroy())
  return child
}

t.test('a sink gets every line as it was, also one that is longer than the window', async t => {
  const to = join(t.testdirName, 'written')
  const batches: Buffer[] = []
  for (let n = 0; n < 60; n++) batches.push(Buffer.from(`${n} ${'aé€'.repeat(n * 7919 % 40000)}\n${n}\n`))
  batches.splice(20, 0, Buffer.from('a'.repeat(3 * 1024 * 1024) + '\n'))
  let [given, next] = [0, 0]
  await new Promise<void>(resolve => {
    const goOn = (accepted: number): void => {
      while (next < batches.length && given - accepted < child.windowBytes) {
        const bytes = Buffer.from(batches[next++] as Buffer)
        given += bytes.length
        child.send({ id: `life:${next}`, lines: freshLines(bytes, countLines(bytes), next) })
        // Its memory is free as soon as it was sent.
        bytes.fill(0)
      }
      if (next === batches.length && accepted === given) child.end()
    }
    const child = start(t, sourceOf(t, 'bytes.mjs', { to }), { onReady: () => goOn(0), onAccepted: goOn, onDelivered: goOn, onEnded: resolve })
  })
  t.ok(readFileSync(to, 'utf8') === Buffer.concat(batches).toString())
})

t.test('a part of the first line that has arrived is not given again', async t => {
  const to = join(t.testdirName, 'written')
  await new Promise<void>(resolve => {
    const child = start(t, sourceOf(t, 'bytes.mjs', { to }), {
      onReady: () => child.send({ id: 'life:1', lines: { ...freshLines(Buffer.from('a line\n'), 1, 1), arrivedBytes: 2 } }),
      onDelivered: () => child.end(),
      onEnded: resolve
    })
  })
  t.equal(readFileSync(to, 'utf8'), 'line\n')
})

t.test('a delivery sink answers for each batch, knows the attempt, and is flushed', async t => {
  const to = join(t.testdirName, 'sent')
  const settled: unknown[] = []
  const lines = freshLines(Buffer.from('one\ntwo\n'), 2, 7)
  await new Promise<void>(resolve => {
    const child = start(t, sourceOf(t, 'sends.mjs', { to }), {
      onReady: kind => {
        t.equal(kind, 'delivery')
        child.send({ id: 'life:7', lines })
      },
      onSettled: (id, rejection) => {
        settled.push([id, rejection])
        if (rejection !== undefined) child.send({ id: 'life:7', lines: { ...lines, attempts: 1 } })
        else child.flush().then(() => child.end())
      },
      onEnded: resolve
    })
  })
  t.match(settled, [['life:7', { reason: 'http-503', err: { type: 'Error', message: 'not yet', statusCode: 503, cause: { message: 'inner', code: 'ETIMEDOUT' } } }], ['life:7', undefined]])
  t.equal(readFileSync(to, 'utf8'), `${JSON.stringify({ id: 'life:7', count: 2, attempt: 2, text: 'one\ntwo\n' })}\nflushed\n`)
})

t.test('a sink gets its options, its arguments, its environment and its limits', async t => {
  const options = { since: new Date(0), bytes: new Uint8Array([1, 2, 3]), map: new Map([['a', 1n]]) }
  const told = await new Promise<Record<string, unknown>>(resolve => {
    start(t, sourceOf(t, 'tells.mjs', options), { onEvent: (_, [told]) => resolve(told as Record<string, unknown>) }, {
      argv: ['--one', 'two'], env: { A: 'b' }, execArgv: ['--no-warnings'], name: 'its-name', resourceLimits: { maxOldGenerationSizeMb: 100, maxYoungGenerationSizeMb: 12 }
    })
  })
  t.match(told, { argv: ['--one', 'two'], a: 'b' })
  t.strictSame({ ...told['options'] as object, bytes: [...(told['options'] as typeof options).bytes] }, { ...options, bytes: [1, 2, 3] })
  t.not(told['pid'], process.pid)
  const execArgv = told['execArgv'] as string[]
  t.match(execArgv, ['--max-semi-space-size=4', '--no-warnings', /^--max-old-space-size=\d+$/])
  const limitMb = Number((execArgv[2] as string).split('=')[1])
  t.ok(Math.abs((told['limit'] as number) / 2 ** 20 - limitMb - 12) < 8, `${told['limit'] as number} bytes`)
})

t.test('options that cannot be handed to another process are refused at once', async t => {
  const { port1, port2 } = new MessageChannel()
  t.teardown(() => port2.close())
  t.throws(() => new ProcessChild(sourceOf(t, 'tells.mjs', { port1 }), {}, deaf), { code: 'ERR_FANOUT_SINK_START', message: /cannot be handed to another process/ })
})

t.test('an event with an object that cannot be cloned is dropped, and later ones are not', async t => {
  const names: string[] = []
  await new Promise<void>(resolve => {
    start(t, sourceOf(t, 'posts-ports.mjs'), {
      onEvent: name => {
        names.push(name)
        resolve()
      }
    })
  })
  t.strictSame(names, ['after'])
})

t.test('a process that exits is a failure, and is gone', async t => {
  const failures: SinkFailure[] = []
  const child = start(t, sourceOf(t, 'tells.mjs'), {
    onEvent: (_, [told]) => process.kill((told as { pid: number }).pid, 'SIGKILL'),
    onFailure: failure => failures.push(failure)
  })
  t.equal(child.isHanging, true)
  await until(() => failures.length > 0, 'the failure')
  t.match(failures, [{ reason: 'process-exit', err: { code: 'ERR_FANOUT_SINK_PROCESS', message: /was ended by SIGKILL; the system does that/ } }])
  t.equal(child.isHanging, false)
  await child.flush()
  await child.destroy()
  child.send({ id: 'life:1', lines: freshLines(Buffer.from('too late\n'), 1, 1) })
  child.end()
  t.equal(failures.length, 1)
})

t.test('a destroyed process is killed, and nothing of it is a failure', async t => {
  const pid = await new Promise<number>(resolve => {
    const child = start(t, sourceOf(t, 'tells.mjs'), {
      onEvent: (_, [told]) => {
        const flushed = child.flush()
        Promise.all([flushed, child.destroy()]).then(() => resolve((told as { pid: number }).pid))
      }
    })
  })
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

t.test('what a sink prints is printed here, in its order', async t => {
  const written: string[] = []
  const { write } = process.stdout
  process.stdout.write = ((text: Uint8Array, done: () => void) => {
    if (typeof text === 'string') return write.call(process.stdout, text)
    written.push(Buffer.from(text).toString())
    setImmediate(done)
    return true
  }) as typeof write
  t.teardown(() => { process.stdout.write = write })
  start(t, sourceOf(t, 'prints.mjs'), {})
  await until(() => written.join('').includes('printed 2999\n'), 'the output')
  t.equal(written.join(''), `from a sink\n${Array.from({ length: 3000 }, (_, n) => `printed ${n}\n`).join('')}`)
})
