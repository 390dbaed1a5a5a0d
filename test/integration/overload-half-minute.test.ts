import t from 'tap'
import { checkOverload } from '../support/overload.js'

const CASES = ['drop-oldest', 'drop-newest', 'block', 'hold', 'skip']
const SECONDS = 30

t.setTimeout(20 * SECONDS * 1000)

for (const isolation of ['thread', 'inline'] as const) {
  t.test(`for half a minute, a sink in ${isolation === 'thread' ? 'a thread' : 'the thread of the transport'} that takes half of what an app logs gets every protected line`, async t => {
    await checkOverload(t, CASES, isolation, SECONDS)
  })
}
