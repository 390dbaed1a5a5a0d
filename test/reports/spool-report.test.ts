import t from 'tap'
import { SpoolReport, type SpoolNews } from '#lib/reports/spool-report'
import type { Recovered } from '#lib/spool/recovery'

function openReport (): { report: SpoolReport, news: SpoolNews[], wait: (ms: number) => void } {
  const news: SpoolNews[] = []
  let now = 0
  const report = new SpoolReport({ now: () => now, wallTime: () => now, waited: () => now, whenWaited: () => () => {} }, told => news.push(told))
  return { report, news, wait: ms => { now += ms } }
}

const recovered: Recovered = { lines: 3, bytes: 9, cutBytes: 0, unreadableSegments: 0, cursor: 'missing' }

t.test('a count that takes long is told after three seconds, and then each ten', async t => {
  const { report, news, wait } = openReport()
  for (let left = 300; left > 0; left--) {
    report.found(2, left)
    wait(100)
  }
  report.found(2, 0)
  t.same(news, [
    { kind: 'recovering', lines: 62, segmentsLeft: 270 },
    { kind: 'recovering', lines: 262, segmentsLeft: 170 },
    { kind: 'recovering', lines: 462, segmentsLeft: 70 }
  ])
})

t.test('a count that is soon over is told only by what it came to', async t => {
  const { report, news, wait } = openReport()
  report.found(2, 1)
  wait(2000)
  report.found(1, 0)
  report.recovered(recovered)
  t.same(news, [{ kind: 'recovered', recovered }])
})

t.test('each kind of trouble is told once within ten seconds, and does not hide another', async t => {
  const { report, news, wait } = openReport()
  const error = new Error('EIO')
  const kinds = ['sync', 'cursor', 'read', 'remove', 'quarantine', 'write'] as const
  for (let second = 0; second < 12; second++) {
    for (const during of kinds) report.failed({ during, error })
    wait(1000)
  }
  t.same(news, [...kinds, ...kinds].map(during => ({ kind: 'failed', fault: { during, error } })))
})
