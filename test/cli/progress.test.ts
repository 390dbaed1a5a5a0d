import t from 'tap'
import { progressText, startProgress, type Counts, type Progress } from '#lib/cli/progress'
import { HandClock } from '../support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => clock.release())

function start (terminal: { isTTY?: boolean, columns?: number }): { progress: Progress, counts: { -readonly [key in keyof Counts]: number }, written: string[] } {
  const counts = { total: 1000, sent: 0, delivered: 0, refused: 0, damaged: 0 }
  const written: string[] = []
  const progress = startProgress({ stderr: { ...terminal, write: text => written.push(text) }, clock }, () => counts)
  return { progress, counts, written }
}

t.test('on a terminal one line is written anew each second, and is gone at the end', async t => {
  const { progress, counts, written } = start({ isTTY: true, columns: 100 })
  Object.assign(counts, { sent: 150, delivered: 90, refused: 10 })
  clock.advance(1000)
  progress.note('loki: circuit closed -> open')
  clock.advance(1000)
  progress.stop()
  clock.advance(10000)
  t.same(written, [
    '\r\u001B[Ksent 150, delivered 90, refused 10, left 900, 100 lines/s, 0:00:09 to go',
    '\r\u001B[K', 'loki: circuit closed -> open\n',
    '\r\u001B[Ksent 150, delivered 90, refused 10, left 900, 50 lines/s, 0:00:18 to go',
    '\r\u001B[K'
  ])
  t.equal(clock.timers, 0)
})

t.test('it is no wider than the terminal', async t => {
  const { progress, written } = start({ isTTY: true, columns: 20 })
  clock.advance(1000)
  progress.stop()
  t.equal(written[0], '\r\u001B[Ksent 0, delivered 0')
})

t.test('elsewhere there is a line each five seconds', async t => {
  const { progress, counts, written } = start({})
  clock.advance(4999)
  t.same(written, [])
  counts.delivered = counts.sent = 500
  clock.advance(1)
  progress.note('a note')
  progress.stop()
  t.same(written, ['sent 500, delivered 500, refused 0, left 500, 100 lines/s, 0:00:05 to go\n', 'a note\n'])
})

t.test('without a pace it does not say when it is over', async t => {
  const counts = { total: 100, sent: 1, delivered: 0, refused: 0, damaged: 0 }
  t.equal(progressText(counts, 0), 'sent 1, delivered 0, refused 0, left 100, 0 lines/s')
  t.match(progressText(counts, 0.02), '1:23:20 to go')
})
