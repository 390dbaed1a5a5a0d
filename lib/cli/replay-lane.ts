import { createChildMaker } from '../child/create-child.js'
import type { Clock } from '../clock.js'
import { Lane } from '../lane.js'
import type { LaneEvents } from '../lane/lane-deps.js'
import type { DeadLetterStore } from '../lane/dead-letters.js'
import { standardLevels } from '../levels.js'
import type { SpoolSettings, TargetSettings } from '../options.js'
import type { PinoConfig } from '../pino-config.js'
import type { LaneSpool } from '../spool/spool.js'
import type { SlotEvents } from '../spool/spool-events.js'

/** What a lane for a replay is made of. */
export interface ReplayLaneOptions {
  target: TargetSettings
  /** Custom levels, as the app's logger has them. */
  levels: Readonly<Record<string, number>>
  clock: Clock
  /** Gets what is refused again. */
  refused: DeadLetterStore
  maxRefusedBytes: number
  /** The spool that the lines come from, if they do. */
  spool?: { settings: SpoolSettings, create: (events: SlotEvents) => LaneSpool }
  onNote: (text: string) => void
  onSpoolNews?: LaneEvents['onSpoolNews']
}

/**
 * A lane as the transport would have for this target, but for what would lose a line: nothing is skipped, passed on or
 * dropped from a queue that is full, and what failed is sent again.
 */
export function openReplayLane ({ target, levels, clock, refused, maxRefusedBytes, spool, onNote, onSpoolNews = () => {} }: ReplayLaneOptions): Lane {
  const lane = new Lane({
    settings: {
      ...target,
      whenOpen: spool === undefined ? 'hold' : 'spool',
      redelivery: 'at-least-once',
      // Whoever offers lines sees to it that they are not too many.
      queue: { maxBytes: Infinity, maxLines: Infinity, overflow: 'drop-newest', blockTimeoutMs: 0 },
      deadLetter: { maxBytes: maxRefusedBytes },
      spool: spool?.settings
    },
    life: `replay-${clock.wallTime().toString(36)}-${process.pid.toString(36)}`,
    willSendConfig: true,
    clock,
    app: { isTurning: true },
    random: Math.random,
    createChild: createChildMaker(target, true),
    deadLetterStore: refused,
    createSpool: spool?.create,
    events: {
      onTransition: ({ from, to, reason, err }) => onNote(`${target.name}: circuit ${from} -> ${to} (${reason})${err === undefined ? '' : `: ${err.message}`}`),
      onLoss: () => {},
      onRestart: reason => onNote(`${target.name}: restarted (${reason})`),
      onUndelivered: () => {},
      onSpoolNews,
      onEvent: () => {}
    }
  })
  lane.configure(toPinoConfig(levels))
  lane.start()
  return lane
}

/** What pino would tell its transports. */
function toPinoConfig (levels: Readonly<Record<string, number>>): PinoConfig {
  const values = { ...standardLevels, ...levels }
  const labels = Object.fromEntries(Object.entries(values).map(([label, value]) => [value, label]))
  return { levels: { values, labels }, messageKey: 'msg', errorKey: 'err' }
}
