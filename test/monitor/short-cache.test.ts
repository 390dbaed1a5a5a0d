import t from 'tap'
import { ShortCache } from '#lib/monitor/short-cache'
import { HandClock } from '../support/hand-clock.js'

t.test('what was made is given again for a moment, and then made anew', async t => {
  const clock = new HandClock()
  const made: string[] = []
  const cache = new ShortCache(clock, key => made.push(key))
  t.equal(cache.get(), 1)
  t.equal(cache.get(), 1)
  clock.advance(99)
  t.equal(cache.get(), 1)
  clock.advance(1)
  t.equal(cache.get(), 2)
})

t.test('another key is made at once, and only the last is kept', async t => {
  const clock = new HandClock()
  const made: string[] = []
  const cache = new ShortCache(clock, key => made.push(key))
  for (const key of ['a', 'a', 'b', 'b', 'a']) cache.get(key)
  t.same(made, ['a', 'b', 'a'])
})

t.test('what was forgotten is made anew', async t => {
  const cache = new ShortCache(new HandClock(), (() => { let made = 0; return () => ++made })())
  t.equal(cache.get(), 1)
  cache.forget()
  t.equal(cache.get(), 2)
})
