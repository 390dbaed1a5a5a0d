import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import ThreadStream from 'thread-stream'
import { AskedAppThread, askThrough, createAppThread, createNeedProbe } from '#lib/app-thread'
import { HandClock } from './support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

function createThread () {
  const answers: Array<() => void> = []
  return { answers, app: new AskedAppThread(clock, onAnswer => { answers.push(onAnswer) }) }
}

t.test('a thread turns until it has owed an answer for three seconds', async t => {
  const { app, answers } = createThread()
  t.ok(app.isTurning)
  clock.advance(2999)
  t.ok(app.isTurning)
  clock.advance(1)
  t.notOk(app.isTurning)
  t.equal(answers.length, 1, 'it is not asked again before it has answered')
})

t.test('an answer makes it turn again, however late it is', async t => {
  const { app, answers } = createThread()
  t.ok(app.isTurning)
  clock.advance(5000)
  t.notOk(app.isTurning)
  answers[0]?.()
  t.ok(app.isTurning)
  t.equal(answers.length, 2)
})

t.test('time in which this thread was stopped is no delay of the other\'s', async t => {
  const { app } = createThread()
  t.ok(app.isTurning)
  clock.stop(60000)
  t.ok(app.isTurning)
})

t.test('any stream that answers will do, and one that does not is not asked again', async t => {
  const written: Array<Array<() => void>> = [[], []]
  const ask = askThrough(written.map(callbacks => ({ write: (_text: string, callback: () => void) => callbacks.push(callback) > 0 })) as unknown as NodeJS.WriteStream[])
  let answers = 0
  for (let asked = 1; asked <= 3; asked++) {
    ask(() => { answers++ })
    written[1]?.at(-1)?.()
    t.equal(answers, asked)
  }
  t.same(written.map(({ length }) => length), [1, 3])
})

t.test('in the main thread the app\'s thread is this one', async t => {
  t.ok(createAppThread(clock).isTurning)
})

t.test('what the app waits for', async t => {
  const memory = (): { dataBuf: SharedArrayBuffer, stateBuf: SharedArrayBuffer, state: Int32Array } => {
    const stateBuf = new SharedArrayBuffer(128)
    const state = new Int32Array(stateBuf)
    // As in thread-stream: how far lines have been written, and read.
    state.set([100], 4)
    state.set([50], 8)
    return { dataBuf: new SharedArrayBuffer(1000), stateBuf, state }
  }
  /** A thread that is blocked until a number changes, as the app is in `flushSync()`. */
  const block = async (t: Test, stateBuf: SharedArrayBuffer, index: number): Promise<void> => {
    const worker = new Worker('const { parentPort, workerData: { state, index } } = require("node:worker_threads"); parentPort.postMessage(0); Atomics.wait(state, index, Atomics.load(state, index))', {
      eval: true,
      workerData: { state: new Int32Array(stateBuf), index }
    })
    t.teardown(async () => await worker.terminate())
    await once(worker, 'message')
  }

  t.test('that its lines are read', async t => {
    const { dataBuf, stateBuf } = memory()
    const need = createNeedProbe({ dataBuf, stateBuf })
    t.equal(need(), 'nothing')
    await block(t, stateBuf, 8)
    let isSeen = false
    // The other thread says so before it waits.
    while (!isSeen) {
      await sleep(1)
      isSeen = need() === 'lines'
    }
    t.equal(need(), 'nothing', 'it has been woken up')
  })

  t.test('room, once the memory is nearly full', async t => {
    const { dataBuf, stateBuf, state } = memory()
    const need = createNeedProbe({ dataBuf, stateBuf })
    await block(t, stateBuf, 8)
    do {
      state.set([970], 4)
      await sleep(1)
      t.equal(need(), 'room')
      state.set([100], 4)
    } while (need() !== 'lines')
  })

  t.test('that its lines are read, by thread-stream', async t => {
    const stream = new ThreadStream({ filename: resolve('test/fixtures/stream-resumes-once-awaited.js'), sync: false })
    t.teardown(async () => await (stream as unknown as { worker: Worker }).worker.terminate())
    await once(stream, 'ready')
    stream.on('error', () => {})
    stream.write('some lines')
    // It would throw after ten seconds.
    t.doesNotThrow(() => stream.flushSync())
  })

  t.test('that cannot be told without thread-stream', async t => {
    for (const memory of [null, undefined, {}, { dataBuf: new SharedArrayBuffer(8) }, { dataBuf: 'a', stateBuf: new SharedArrayBuffer(8) }]) t.equal(createNeedProbe(memory as Parameters<typeof createNeedProbe>[0])(), 'nothing')
  })
})
