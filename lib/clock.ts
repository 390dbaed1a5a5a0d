/** The two times of a program, handed in wherever one is needed, so that tests can move them. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start: for intervals only. */
  now (): number
  /** Wall time as milliseconds since the epoch: for records only. */
  wallTime (): number
}

/** The clock of this thread. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now()
}
