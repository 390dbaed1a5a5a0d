/** A line that its sink refused for good, as it stands in the file. */
export interface DeadLetter {
  /** Wall time, in ms since the epoch. */
  readonly time: number
  /** The name of the target. */
  readonly sink: string
  /** Why, in the backend's own words. */
  readonly reason: string
  /** The HTTP status, where there was one. */
  readonly status?: number
  /** How often the line was sent. */
  readonly attempts: number
  /** The line as it was logged. */
  readonly line: string
}

/** A dead letter, and the number of its line in the lane. */
export interface NumberedLetter {
  readonly number: number
  readonly letter: DeadLetter
}

/** Keeps dead letters; a `DeadLetterFile` is one. */
export interface DeadLetterStore {
  /**
   * Keeps as many records as it can, from the first. Never rejects.
   *
   * @param letters - The same records as objects
   */
  append (records: readonly Buffer[], maxBytes: number, letters: readonly NumberedLetter[]): Promise<{ written: number }>
}
