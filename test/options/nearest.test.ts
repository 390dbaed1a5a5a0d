import t from 'tap'
import { didYouMean, nearest } from '#lib/options/nearest'

const options = ['level', 'levels', 'whenOpen', 'writeTimeoutMs', 'startTimeoutMs']

t.test('a slip of the keyboard leads to what was meant', async (t) => {
  t.equal(nearest('whenOpne', options), 'whenOpen', 'two letters swapped')
  t.equal(nearest('whnOpen', options), 'whenOpen', 'one missing')
  t.equal(nearest('whenOppen', options), 'whenOpen', 'one too many')
  t.equal(nearest('whenApen', options), 'whenOpen', 'one replaced')
  t.equal(nearest('writeTimeout', options), 'writeTimeoutMs', 'its unit missing')
})

t.test('case does not count', async (t) => {
  t.equal(nearest('WHENOPEN', options), 'whenOpen')
})

t.test('the nearest one wins, and the first among equals', async (t) => {
  t.equal(nearest('leves', options), 'level')
  t.equal(nearest('levelz', options), 'level')
  t.equal(nearest('startTimoutMs', options), 'startTimeoutMs')
})

t.test('nothing is made up for what is like nothing', async (t) => {
  t.equal(nearest('colour', options), undefined)
  t.equal(nearest('', options), undefined)
  t.equal(nearest('level', []), undefined)
  t.equal(didYouMean('colour', options), '')
  t.equal(didYouMean('leve', options), '; did you mean "level"?')
})
