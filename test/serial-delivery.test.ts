import t from 'tap'
import { Batch } from '#lib/batch'
import { SerialDelivery } from '#lib/serial-delivery'

const TIMEOUT_MS = 1000
const batch = new Batch('a\n', 1)

/** Two lanes on a clock that moves only while a lane is awaited, and a log of all calls with their times. */
function createSerial ({ settles, isTurning = () => true }: { settles: (name: string) => boolean, isTurning?: (now: number) => boolean }) {
  let now = 0
  const log: string[] = []
  const lane = (name: string) => ({
    offer: () => { log.push(`${name} at ${now}`) },
    async settle (deadline: number) {
      if (settles(name)) return true
      now = deadline
      return false
    }
  })
  const clock = { now: () => now, wallTime: () => now, waited: () => now, whenWaited: () => () => {} }
  const lanes = [lane('first'), lane('second')]
  const serial = new SerialDelivery(lanes.map(lane => ({ lane, target: { writeTimeoutMs: TIMEOUT_MS } })), clock, { get isTurning () { return isTurning(now) } })
  return { serial, lanes, log }
}

t.test('a lane that settles is followed at once by the next', async t => {
  const { serial, lanes, log } = createSerial({ settles: () => true })
  serial.add(lanes, batch)
  t.strictSame(log, [], 'nothing is delivered before it runs')
  await serial.run()
  t.strictSame(log, ['first at 0', 'second at 0'])
  await serial.run()
  t.strictSame(log, ['first at 0', 'second at 0'], 'nothing is delivered twice')
})

t.test('a lane that does not settle is awaited for its writeTimeoutMs', async t => {
  const { serial, lanes, log } = createSerial({ settles: name => name === 'second' })
  serial.add(lanes, batch)
  await serial.run()
  t.strictSame(log, ['first at 0', `second at ${TIMEOUT_MS}`])
})

t.test('no lane is awaited while the app stands still', async t => {
  const { serial, lanes, log } = createSerial({ settles: () => false, isTurning: now => now < 300 })
  serial.add(lanes, batch)
  await serial.run()
  t.strictSame(log, ['first at 0', 'second at 300'])
})

t.test('a batch goes only to its own lanes', async t => {
  const { serial, lanes, log } = createSerial({ settles: () => true })
  serial.add(lanes.slice(1), batch)
  await serial.run()
  t.strictSame(log, ['second at 0'])
})
