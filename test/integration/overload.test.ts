import t from 'tap'
import { checkOverload } from '../support/overload.js'

t.test('a sink that takes half of what an app logs gets every protected line, also through an outage', async t => {
  await checkOverload(t, ['drop-oldest', 'skip'], 'thread', 4)
})
