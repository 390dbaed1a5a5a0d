import type { Clock } from '../clock.js'
import { lostLinesOf, waitingLinesOf, type SinkSnapshot } from '../metrics.js'
import type { Notice, NoticeKind } from './notice.js'

/** A lane, as far as {@link Notices} look at it. */
export interface WatchedLane {
  snapshot (): SinkSnapshot
  /** True while the sink has not accepted all that it was given, or lines wait for it, and not only for more lines. */
  readonly isBehind: boolean
  /** Changes whenever the sink accepts lines. */
  readonly progress: number
}

/** Dependencies of {@link Notices}. */
export interface NoticesDeps {
  lanes: () => readonly WatchedLane[]
  clock: Clock
  onNotice: (notice: Notice) => void
}

const LOOK_MS = 1000
/** A sink has at most one notice within this time. */
const APART_MS = 10000
const STALLED_MS = 5000
/** This many restarts within this time are a loop. */
const RESTARTS = 5
const RESTARTS_WITHIN_MS = 60000

/** The state of one sink, from look to look. */
interface Watched {
  progress: number
  /** Waited time of the last progress. */
  progressAt: number
  noticedAt: number
  lostBefore: number
  /** The restarts at each look of the last minute. */
  restarts: Array<{ at: number, count: number }>
  /** The lines that a full spool has lost, at the last look. */
  spoolLost: number
  /** Kinds that were noticed and have not ended. */
  active: Set<NoticeKind>
}

type Finding = [kind: NoticeKind, facts: Record<string, number>]

/**
 * Warns of sinks that do not do well, before their breakers open, and without a flood. It looks at the lanes each second, but only
 * while lines come or a lane is busy: an idle transport is not woken up.
 */
export class Notices {
  readonly #deps: NoticesDeps
  readonly #watched = new Map<WatchedLane, Watched>()
  #timer: NodeJS.Timeout | undefined
  #linesCame = false

  constructor (deps: NoticesDeps) {
    this.#deps = deps
  }

  /** Lines have come. */
  wake (): void {
    this.#linesCame = true
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref()
  }

  stop (): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look (): void {
    let isBusy = this.#linesCame
    this.#linesCame = false
    for (const lane of this.#deps.lanes()) {
      const sink = lane.snapshot()
      this.#lookAt(lane, sink)
      isBusy ||= lostLinesOf(sink) > this.#watchedOf(lane).lostBefore || sink.state !== 'closed' || waitingLinesOf(sink) > 0
    }
    if (!isBusy) this.stop()
  }

  #lookAt (lane: WatchedLane, sink: SinkSnapshot): void {
    const { clock, onNotice } = this.#deps
    const now = clock.now()
    const watched = this.#watchedOf(lane)
    const findings = [...findSpool(sink, watched), ...findStall(lane, sink, watched, clock.waited()), ...findRestarts(sink, watched, now), ...findLoss(sink, watched, now)]
    const kinds = new Set(findings.map(([kind]) => kind))
    for (const kind of watched.active) if (!kinds.has(kind)) watched.active.delete(kind)
    const isDue = now - watched.noticedAt >= APART_MS
    const found = findings.find(([kind]) => kind === 'losing-lines' || !watched.active.has(kind))
    if (!isDue || found === undefined) return
    const [kind, facts] = found
    watched.active.add(kind)
    watched.noticedAt = now
    if (kind === 'losing-lines') watched.lostBefore = lostLinesOf(sink)
    onNotice({ sink: sink.name, kind, time: clock.wallTime(), facts })
  }

  #watchedOf (lane: WatchedLane): Watched {
    const known = this.#watched.get(lane)
    if (known !== undefined) return known
    const watched: Watched = { progress: NaN, progressAt: 0, noticedAt: -Infinity, lostBefore: 0, restarts: [], spoolLost: 0, active: new Set() }
    this.#watched.set(lane, watched)
    return watched
  }
}

function findLoss (sink: SinkSnapshot, { lostBefore, noticedAt }: Watched, now: number): Finding[] {
  const lines = lostLinesOf(sink) - lostBefore
  return lines > 0 ? [['losing-lines', { lines, withinMs: Math.round(Math.min(now - noticedAt, APART_MS)) }]] : []
}

/** A full spool makes room by a whole segment, so it is full until it is half empty. */
function findSpool ({ spoolBytes, spoolMaxBytes, linesDropped }: SinkSnapshot, watched: Watched): Finding[] {
  const lost = linesDropped['spool-full'] ?? 0
  const isLosing = lost > watched.spoolLost
  watched.spoolLost = lost
  const facts = { bytes: spoolBytes, maxBytes: spoolMaxBytes }
  if (spoolMaxBytes === 0 || spoolBytes * 2 < spoolMaxBytes) return []
  return isLosing || watched.active.has('spool-full') ? [['spool-full', facts]] : [['spool-half-full', facts]]
}

/** An open breaker tells of itself. */
function findStall (lane: WatchedLane, sink: SinkSnapshot, watched: Watched, now: number): Finding[] {
  const { progress } = lane
  if (!lane.isBehind || sink.state !== 'closed' || progress !== watched.progress) {
    watched.progress = progress
    watched.progressAt = now
    return []
  }
  const forMs = Math.round(now - watched.progressAt)
  return forMs < STALLED_MS ? [] : [['stalled', { lines: sink.queueLines + sink.unsettledLines, forMs }]]
}

function findRestarts ({ restarts: count }: SinkSnapshot, { restarts }: Watched, now: number): Finding[] {
  restarts.push({ at: now, count })
  while (now - (restarts[0] as { at: number }).at > RESTARTS_WITHIN_MS) restarts.shift()
  const { at, count: before } = restarts[0] as { at: number, count: number }
  return count - before < RESTARTS ? [] : [['restart-loop', { restarts: count - before, withinMs: Math.round(now - at) }]]
}
