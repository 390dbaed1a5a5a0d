import { MAX_DURATION_MS } from '../breaker/settings.js'
import { createChildMaker } from '../child/create-child.js'
import { serializeError } from '../errors.js'
import { Lane } from '../lane.js'
import type { LaneDeps } from '../lane/lane-deps.js'
import type { DeadLetterStore } from '../dead-letters/dead-letter.js'
import { standardLevels } from '../levels.js'
import { createLife } from '../line-ids.js'
import { targetDefaults } from '../options/defaults.js'
import type { TargetSettings } from '../options.js'
import type { Counts } from './progress.js'
import type { ReplayContext } from './replay-context.js'

/** How a wait has ended: its condition holds, nothing was delivered or refused for too long, or the user stops the command. */
export type Verdict = 'holds' | 'stalled' | 'stopped'

/** A wait for a lane does not end by a signal, so it checks for one this often. */
const LOOK_MS = 100

/**
 * Starts a lane for a target, as the transport would, except that it loses no line: no line is skipped, passed on or dropped
 * from a full queue, and failed lines are sent again. Nor does it stop because its sink is slow, since nothing else waits.
 * Its lines come from a spool, or are offered.
 */
export function startReplayLane (target: TargetSettings, { settings, clock }: ReplayContext, note: (text: string) => void, refused: DeadLetterStore & { maxBytes: number }, createSpool?: LaneDeps['createSpool']): Lane {
  const { name } = target
  const lane = new Lane({
    settings: {
      ...target,
      whenOpen: createSpool === undefined ? 'hold' : 'spool',
      redelivery: 'at-least-once',
      breaker: { ...target.breaker, slowMs: MAX_DURATION_MS },
      // Code that offers lines here limits them itself.
      batch: targetDefaults.batch,
      queue: { maxBytes: Infinity, maxLines: Infinity, overflow: 'drop-newest', blockTimeoutMs: 0 },
      deadLetter: refused,
      spool: createSpool && { mode: 'open' }
    },
    life: `replay-${createLife(clock, Math.random)}`,
    willSendConfig: true,
    clock,
    app: { isTurning: true },
    random: Math.random,
    createChild: createChildMaker(target, true),
    deadLetterStore: refused,
    createSpool,
    events: {
      onTransition: ({ from, to, reason, err }) => note(`${name}: circuit ${from} -> ${to} (${reason})${err === undefined ? '' : `: ${err.message}`}`),
      onLoss: () => {},
      onRestart: reason => note(`${name}: restarted (${reason})`),
      onUndelivered: () => {},
      onSpoolNews: news => { if (news.kind === 'failed') note(`${name}: spool failed (${news.fault.during}): ${serializeError(news.fault.error).message}`) },
      onEvent: () => {}
    }
  })
  // The config that pino would give to its transports.
  const values = { ...standardLevels, ...settings.levels }
  const labels = Object.fromEntries(Object.entries(values).map(([label, value]) => [value, label]))
  lane.configure({ levels: { values, labels }, messageKey: 'msg', errorKey: 'err' })
  lane.start()
  return lane
}

/** Outcome of the lines that a lane was given. */
export function countsOf (lane: Lane, total: number): Counts {
  const { linesReceived, linesDelivered, linesDeadLettered, linesDropped: { damaged = 0 }, queueLines, spoolLines } = lane.snapshot()
  return { total, sent: linesReceived - queueLines - spoolLines, delivered: linesDelivered, refused: linesDeadLettered, damaged }
}

/**
 * Creates a function that waits for a lane as long as it makes progress. The timeout is in waited time: a command that is
 * suspended does not wait.
 */
export function createWait (lane: Lane, { clock, timeoutMs, stop }: Pick<ReplayContext, 'clock' | 'timeoutMs' | 'stop'>): (holds: () => boolean) => Promise<Verdict> {
  let movedAt = clock.waited()
  let settled = 0
  return async holds => {
    // Waited time advances only while somebody waits.
    const cancel = clock.whenWaited(Infinity, () => {})
    try {
      for (;;) {
        if (stop.aborted) return 'stopped'
        if (holds()) return 'holds'
        const { linesDelivered, linesDeadLettered } = lane.snapshot()
        if (linesDelivered + linesDeadLettered !== settled) movedAt = clock.waited()
        settled = linesDelivered + linesDeadLettered
        const left = movedAt + timeoutMs - clock.waited()
        if (left <= 0) return 'stalled'
        await lane.until(holds, clock.now() + Math.min(left, LOOK_MS))
      }
    } finally {
      cancel()
    }
  }
}

/**
 * Creates a condition. It holds once each line was delivered or refused. It also holds once the sink has accepted all lines
 * and then been quiet for `settleMs`: only the end of the sink can still prove that they have arrived.
 */
export function createTaken (lane: Lane, settleMs: number, { clock }: ReplayContext): () => boolean {
  let quiet = { since: 0, lines: 0 }
  return () => {
    const { queueLines, unsettledLines, spoolLines } = lane.snapshot()
    const now = clock.waited()
    if (!lane.awaitsProof || quiet.lines !== unsettledLines) quiet = { since: now, lines: lane.awaitsProof ? unsettledLines : 0 }
    return queueLines + unsettledLines + spoolLines === 0 || (quiet.lines > 0 && now - quiet.since >= settleMs)
  }
}
