// For benchmarks of the lane alone. It imports the compiled modules.
import { setImmediate } from 'node:timers/promises'
import { Batch } from '#lib/batch'
import { systemClock } from '#lib/clock'
import { Lane } from '#lib/lane'
import { parseOptions } from '#lib/options'
import { textOf } from '../lines.js'

const [LINE] = textOf(1).split(/(?<=\n)/)

/** A lane that holds `unsettled` lines, which its sink has accepted and not proven. Each further line settles the oldest. */
export async function createUnprovenLane (unsettled) {
  const lane = createLane(unsettled)
  await setImmediate()
  for (let n = 0; n < unsettled; n++) offerLine(lane)
  return lane
}

/** Offers a line of the benchmarks. */
export function offerLine (lane) {
  lane.offer(new Batch(LINE, 1))
}

/** A lane with a sink that accepts at once all that it is given. */
function createLane (maxLines) {
  const { targets: [settings] } = parseOptions({ targets: [{ target: 'pino/file', queue: { maxLines, maxBytes: 2 ** 30 } }] })
  let given = 0
  const lane = new Lane({
    settings,
    life: 'bench',
    willSendConfig: false,
    clock: systemClock,
    app: { isTurning: true },
    random: Math.random,
    createChild (listener) {
      queueMicrotask(() => listener.onReady('stream'))
      return {
        copies: false,
        windowBytes: 2 ** 20,
        configure () {},
        send ({ lines }) { listener.onAccepted(given += lines.bytes.length, 0) },
        abort () {},
        flush: async () => {},
        end () {},
        destroy: async () => {}
      }
    },
    events: { onTransition () {}, onLoss () {}, onRestart () {}, onUndelivered () {}, onSpoolNews () {}, onEvent () {} }
  })
  lane.minLevel = 0
  lane.start()
  return lane
}
