import { join } from 'node:path'
import t from 'tap'
import { Batch } from '#lib/batch'
import type { ReplayContext } from '#lib/cli/replay-context'
import { createWait, startReplayLane, type Verdict } from '#lib/cli/replay-lane'
import { systemClock } from '#lib/clock'
import { parseOptions, type TargetSettings } from '#lib/options'
import type { Lane } from '#lib/lane'
import { HandClock, settled } from '../support/hand-clock.js'

/** Waits for ten seconds for a lane that does what the test says. */
function wait () {
  const clock = new HandClock()
  const counts = { linesDelivered: 0, linesDeadLettered: 0 }
  const lane = {
    snapshot: () => counts,
    until: (_holds: () => boolean, deadline: number) => new Promise<void>(resolve => { clock.whenWaited(clock.waited() + deadline - clock.now(), resolve) })
  } as unknown as Lane
  const verdicts: Verdict[] = []
  const stopping = new AbortController()
  createWait(lane, { clock, timeoutMs: 10000, stop: stopping.signal })(() => counts.linesDelivered === 3).then(verdict => verdicts.push(verdict))
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(100)
      await settled()
    }
  }
  return { clock, counts, verdicts, stopping, pass }
}

t.test('a wait ends as nothing has been delivered or refused for the timeout', async t => {
  const { counts, verdicts, pass } = wait()
  await pass(9000)
  counts.linesDelivered++
  await pass(9900)
  counts.linesDeadLettered++
  await pass(9900)
  t.same(verdicts, [])
  await pass(200)
  t.same(verdicts, ['stalled'])
})

t.test('time in which the command was suspended does not count', async t => {
  const { clock, counts, verdicts, pass } = wait()
  await pass(5000)
  clock.stop(3600000)
  await settled()
  await pass(4900)
  t.same(verdicts, [])
  counts.linesDelivered = 3
  await pass(200)
  t.same(verdicts, ['holds'])
})

t.test('a signal ends a wait soon', async t => {
  const { stopping, verdicts, pass } = wait()
  await pass(1000)
  stopping.abort()
  await pass(100)
  t.same(verdicts, ['stopped'])
})

t.test('a slow sink opens no breaker of a replay, since nothing else waits', async t => {
  const dir = t.testdir({ 'sink.cjs': 'module.exports = () => ({ send: () => new Promise(resolve => setTimeout(resolve, 50)) })' })
  const settings = parseOptions({ targets: [{ name: 'loki', target: join(dir, 'sink.cjs'), isolation: 'inline', breaker: { slowMs: 1, slowRate: 0.1, minimumAttempts: 1 } }] })
  const notes: string[] = []
  const lane = startReplayLane(settings.targets[0] as TargetSettings, { settings, clock: systemClock } as ReplayContext, text => notes.push(text), { append: async () => ({ written: 0 }), maxBytes: 0 })
  const hasArrived = (lines: number) => (): boolean => lane.snapshot().linesDelivered === lines
  for (const lines of [1, 2, 3]) {
    lane.offer(new Batch('{}\n', 1))
    await lane.until(hasArrived(lines), systemClock.now() + 20000)
  }
  t.match(lane.snapshot(), { linesDelivered: 3, state: 'closed', transitions: [] })
  t.same(notes, [])
  await lane.end(systemClock.now() + 5000)
})
