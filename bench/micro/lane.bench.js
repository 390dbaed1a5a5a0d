import { createUnprovenLane, offerLine } from '../runner/unproven-lane.js'

/** A line through lanes whose sink proves nothing: they keep up to so many lines that are accepted and not proven. */
export default async function addTasks (bench) {
  for (const unsettled of [10, 1000, 100000]) {
    const lane = await createUnprovenLane(unsettled)
    bench.add(`a line, ${unsettled} unsettled`, () => offerLine(lane))
  }
}
