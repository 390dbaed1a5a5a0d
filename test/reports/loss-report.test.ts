import t from 'tap'
import { LossReport, type Loss } from '#lib/reports/loss-report'
import { HandClock } from '../support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

const full: Loss = { kind: 'dropped', reason: 'queue-full' }
const tooLong: Loss = { kind: 'dropped', reason: 'too-long' }
const skipped: Loss = { kind: 'skipped' }

function createReport (): { report: LossReport, told: Array<[string, number]> } {
  const told: Array<[string, number]> = []
  const report = new LossReport((loss, lines) => { told.push([loss.kind === 'dropped' ? loss.reason : loss.kind, lines]) })
  return { report, told }
}

t.test('a loss is told as it begins, then summed up every 10 s', async t => {
  const { report, told } = createReport()
  report.add(full, 3)
  t.same(told, [['queue-full', 3]])
  for (let i = 0; i < 5; i++) report.add(full, 10)
  clock.advance(9999)
  t.same(told.length, 1)
  clock.advance(1)
  t.same(told, [['queue-full', 3], ['queue-full', 50]])
})

t.test('what is lost for a diagnostic begins no report, but is part of one that has begun', async t => {
  const { report, told } = createReport()
  report.add(full, 1, true)
  clock.advance(10000)
  t.same(told, [])
  report.add(full, 3)
  report.add(full, 1, true)
  report.flush()
  t.same(told, [['queue-full', 3], ['queue-full', 1]])
})

t.test('a loss that has ended is told of no more, and its next beginning at once', async t => {
  const { report, told } = createReport()
  report.add(full, 1)
  clock.advance(10000)
  t.same(told.length, 1)
  report.add(full, 2)
  t.same(told, [['queue-full', 1], ['queue-full', 2]])
})

t.test('10,000 losses are a handful of reports', async t => {
  const { report, told } = createReport()
  for (let i = 0; i < 10000; i++) {
    report.add(full, 1)
    clock.advance(3)
  }
  report.flush()
  t.equal(told.reduce((sum, [, lines]) => sum + lines, 0), 10000)
  t.equal(told.length, 4)
})

t.test('each reason is told for itself', async t => {
  const { report, told } = createReport()
  report.add(full, 1)
  report.add(tooLong, 2)
  report.add(skipped, 3)
  report.add(skipped, 4)
  clock.advance(10000)
  t.same(told, [['queue-full', 1], ['too-long', 2], ['skipped', 3], ['skipped', 4]])
})

t.test('a flush tells what has not been told, once', async t => {
  const { report, told } = createReport()
  report.add(full, 1)
  report.add(full, 2)
  report.add(skipped, 3)
  report.flush()
  t.same(told, [['queue-full', 1], ['skipped', 3], ['queue-full', 2]])
  report.flush()
  clock.advance(30000)
  t.equal(told.length, 3)
})

t.test('nothing lost, nothing told', async t => {
  const { report, told } = createReport()
  report.flush()
  clock.advance(30000)
  t.same(told, [])
})

t.test('protected lines are summed up as all lines are', async t => {
  const told: Array<[Loss, number]> = []
  const report = new LossReport((loss, lines) => { told.push([loss, lines]) })
  const add = (lines: number, protectedLines: number): void => report.add({ ...full, protectedLines } as Loss, lines)
  add(3, 1)
  add(10, 0)
  add(10, 4)
  clock.advance(10000)
  add(5, 5)
  report.flush()
  t.same(told.map(([loss, lines]) => ['protectedLines' in loss && loss.protectedLines, lines]), [[1, 3], [4, 20], [5, 5]])
})
