// A lane that holds lines which its sink has accepted and not proven. Measures what a further line costs.
import { createUnprovenLane, offerLine } from '../runner/unproven-lane.js'
import { tell } from '../runner/tell.js'

const { unsettled, lines } = JSON.parse(process.argv[2])
const lane = await createUnprovenLane(unsettled)
offer(lines / 4)
const { unsettledLines } = lane.snapshot()
if (unsettledLines !== unsettled) throw new Error(`the lane holds ${unsettledLines} lines instead of ${unsettled}`)
const before = process.cpuUsage()
offer(lines)
const { user, system } = process.cpuUsage(before)
tell({ cpuNsPerLine: (user + system) * 1000 / lines })
process.reallyExit(0)

function offer (count) {
  for (let n = 0; n < count; n++) offerLine(lane)
}
