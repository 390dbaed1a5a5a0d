import t from 'tap'
import { watchRss } from '#lib/child/rss-watch'
import { HandClock } from '../support/hand-clock.js'

const MB = 1024 * 1024
const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

t.test('a process with more memory than it may is told once', async t => {
  let rss = 60 * MB
  let looks = 0
  const told: string[] = []
  watchRss(100, message => told.push(message), () => {
    looks++
    return rss
  })
  t.equal(looks, 1, 'it looks at once')
  clock.advance(1999)
  t.strictSame(told, [])
  rss = 100 * MB
  clock.advance(2000)
  t.strictSame(told, [], 'it may have that much')
  rss = 100.4 * MB
  clock.advance(2000)
  t.strictSame(told, ['its process has 100 MB resident, more than the allowed 100 MB'])
  const looksThen = looks
  clock.advance(10000)
  t.equal(looks, looksThen, 'it looks no more')
  t.equal(told.length, 1)
})

t.test('it looks more often as the limit comes closer', async t => {
  let looks = 0
  watchRss(1000, () => {}, () => {
    looks++
    return 975 * MB
  })
  clock.advance(1000)
  t.ok(looks > 10, `${looks} looks in a second, 25 MB below the limit`)
})
