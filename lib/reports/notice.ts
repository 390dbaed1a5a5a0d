/**
 * What a notice warns of:
 *
 * - `stalled`: lines wait, the breaker is closed, and the sink has made no progress for a while
 * - `spool-half-full`, `spool-full`: the spool has reached half of its `maxBytes`, or all of it, so that its oldest lines make room
 * - `restart-loop`: the sink has been restarted again and again within a short time
 * - `losing-lines`: lines are being lost
 */
export type NoticeKind = 'stalled' | 'spool-half-full' | 'spool-full' | 'restart-loop' | 'losing-lines'

/** Every {@link NoticeKind}. */
export const noticeKinds: readonly NoticeKind[] = ['stalled', 'spool-half-full', 'spool-full', 'restart-loop', 'losing-lines']

/** A warning before it hurts. There is at most one for a sink within 10 s. */
export interface Notice {
  readonly sink: string
  readonly kind: NoticeKind
  /** Wall time, in ms since the epoch. */
  readonly time: number
  /** The numbers behind it: for `stalled` `lines` and `forMs`; for a spool `bytes` and `maxBytes`; for `restart-loop` `restarts` and `withinMs`; for `losing-lines` `lines` and `withinMs`. */
  readonly facts: Readonly<Record<string, number>>
}
