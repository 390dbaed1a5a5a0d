import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { countLines, freshLines } from '#lib/batch'
import type { ChildSource } from '#lib/child/child'
import { giveSharedMemoryBack, takeSharedMemory } from '#lib/child/shared-memory'
import { ThreadChild } from '#lib/child/thread-child'
import { deaf } from '../support/deaf-listener.js'
import { until } from '../support/fanout-rig.js'

// Each writes all its lines to the file `to` at its end, so that memory that was used again too early would show.
const modules = {
  'bytes.mjs': `
    import { appendFileSync } from 'node:fs'
    import { Writable } from 'node:stream'
    export default ({ to }) => {
      const given = []
      return new Writable({
        write (chunk, encoding, done) { given.push(chunk); setImmediate(done) },
        final (done) { for (const chunk of given) appendFileSync(to, chunk); done() }
      })
    }`,
  'text.mjs': `
    import { appendFileSync } from 'node:fs'
    import { Writable } from 'node:stream'
    export default ({ to, ends }) => {
      const given = []
      return new Writable({
        decodeStrings: false,
        write (chunk, encoding, done) { given.push(chunk); setImmediate(done) },
        final (done) {
          for (const chunk of given) {
            appendFileSync(to, chunk)
            appendFileSync(ends, JSON.stringify([typeof chunk, chunk.at(-1)]) + '\\n')
          }
          done()
        }
      })
    }`,
  // A SonicBoom has not written the lines that it keeps back.
  'kept-back.mjs': `
    import pino from ${JSON.stringify(import.meta.resolve('pino'))}
    export default ({ to }) => pino.destination({ dest: to, sync: false, minLength: 100000, maxWrite: 200000, contentMode: 'buffer' })`,
  'file.mjs': `
    import pino from ${JSON.stringify(import.meta.resolve('pino'))}
    export default ({ to }) => pino.destination({ dest: to, sync: false, contentMode: 'buffer' })`,
  'throws-at-exit.mjs': `
    import { appendFileSync } from 'node:fs'
    import { Writable } from 'node:stream'
    export default ({ to }) => {
      process.on('exit', () => {
        appendFileSync(to, 'at exit\\n')
        throw new Error('too late')
      })
      return new Writable({ write (chunk, encoding, done) { appendFileSync(to, chunk); done() } })
    }`,
  'hears-its-own-faults.mjs': `
    import { Writable } from 'node:stream'
    process.on('uncaughtException', () => {})
    export default () => new Writable({ write () { setImmediate(() => { throw new Error('a fault of the sink') }) } })`,
  'settles.mjs': 'export default () => ({ send: async () => {} })'
}

/** The size of the memory that holds a batch for a delivery sink. */
const BATCH_BYTES = 512 * 1024

function sourceOf (file: string, options: object): ChildSource {
  return {
    sink: 'x',
    entries: [{ file, isPinoFile: false, options }],
    isPipeline: false,
    redelivers: true,
    failureEvents: [],
    sense: false,
    writeTimeoutMs: 10000,
    willSendConfig: false
  }
}

/** Gives a sink in a thread of its own all of these, as fast as its window lets it, and ends it. */
async function give (t: Test, module: keyof typeof modules, batches: readonly Buffer[], options: object = {}): Promise<{ written: string, windowBytes: number }> {
  const dir = t.testdir(modules)
  const to = join(dir, 'written')
  const source = sourceOf(join(dir, module), { to, ends: join(dir, 'ends'), ...options })
  let given = 0
  let next = 0
  let windowBytes = 0
  await new Promise<void>((resolve, reject) => {
    const goOn = (accepted: number): void => {
      while (next < batches.length && given - accepted < child.windowBytes) {
        const bytes = batches[next++] as Buffer
        given += bytes.length
        child.send({ id: `life:${next}`, lines: freshLines(bytes, countLines(bytes), next) })
      }
      if (next === batches.length && accepted === given) child.end()
    }
    const child = new ThreadChild(source, {}, {
      ...deaf,
      onReady: () => goOn(0),
      onAccepted: goOn,
      onDelivered: goOn,
      onFailure: ({ err }) => reject(new Error(err.message)),
      onEnded: resolve
    })
    windowBytes = child.windowBytes
    t.teardown(() => child.destroy())
  })
  return { written: readFileSync(to, 'utf8'), windowBytes }
}

/** Batches of many sizes and of different lines, in characters of one to three bytes. */
function manyLines (bytes: number): Buffer[] {
  const batches: Buffer[] = []
  for (let n = 0, total = 0; total < bytes; n++) {
    const batch = Buffer.from(`${n} ${'aé€'.repeat(n * 7919 % 40000)}\n${n}\n`)
    batches.push(batch)
    total += batch.length
  }
  return batches
}

const MANY_BYTES = 8 * 1024 * 1024

for (const module of ['bytes.mjs', 'text.mjs', 'file.mjs', 'kept-back.mjs'] as const) {
  t.test(`a sink gets every line as it was, whatever comes after it (${module})`, async t => {
    const batches = manyLines(MANY_BYTES)
    const { written } = await give(t, module, batches)
    t.ok(written === Buffer.concat(batches).toString())
  })
}

t.test('a sink that takes text is given text, in whole lines', async t => {
  await give(t, 'text.mjs', manyLines(MANY_BYTES))
  const ends = readFileSync(join(t.testdirName, 'ends'), 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line) as [type: string, last: string])
  t.same(ends.filter(([type, last]) => type !== 'string' || last !== '\n'), [])
})

t.test('lines that are more than the threads have memory in common for come all the same, in their order', async t => {
  const long = (letter: string): Buffer => Buffer.from(letter.repeat(3 * 1024 * 1024) + '\n')
  const batches = [Buffer.from('first\n'), long('a'), Buffer.from('second\n'), long('b'), Buffer.from('third\n')]
  const { written, windowBytes } = await give(t, 'bytes.mjs', batches)
  t.ok((batches[1] as Buffer).length > 2 * windowBytes)
  t.ok(written === Buffer.concat(batches).toString())
})

t.test('a sink that has ended runs its exit handlers, and a fault in them is no failure of the sink', async t => {
  const { written } = await give(t, 'throws-at-exit.mjs', [Buffer.from('a line\n')])
  t.equal(written, 'a line\nat exit\n')
})

t.test('an uncaught exception ends a sink, even one that listens for it, as under thread-stream', async t => {
  await t.rejects(give(t, 'hears-its-own-faults.mjs', [Buffer.from('a line\n')]), { message: /a fault of the sink/ })
})

t.test('the memory of a batch is for the next thread, once this one has ended and not before', async t => {
  const settles = sourceOf(join(t.testdir(modules), 'settles.mjs'), {})
  const stood = async (line: string): Promise<() => boolean> => {
    const child = await new Promise<ThreadChild>((resolve, reject) => {
      const child: ThreadChild = new ThreadChild(settles, {}, {
        ...deaf,
        onReady: () => child.send({ id: 'life:1', lines: freshLines(Buffer.from(line), 1, 1) }),
        onSettled: () => resolve(child),
        onFailure: ({ err }) => reject(new Error(err.message))
      })
    })
    const isFree = (): boolean => {
      const memory = takeSharedMemory(BATCH_BYTES)
      giveSharedMemoryBack(memory)
      return Buffer.from(memory, 0, line.length).toString() === line
    }
    t.notOk(isFree())
    child.destroy()
    return isFree
  }
  const isFree = await stood('first\n')
  await until(isFree, 'the first thread to end')
  await until(await stood('second\n'), 'the second thread to end')
  t.notOk(isFree(), 'it was the memory of the first')
})
