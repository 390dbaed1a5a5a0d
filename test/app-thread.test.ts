import t from 'tap'
import { AskedAppThread, askThrough, createAppThread } from '#lib/app-thread'
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
