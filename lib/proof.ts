/**
 * Tells bad lines from a backend that refuses everything: lines are to blame for a refusal only if the sink has accepted
 * others, in the same generation of the breaker and not too many refusals ago.
 */
export class Proof {
  #generation = -1
  #refusedLines = 0

  /** The sink accepted lines in this generation, or the generation began with that. */
  accept (generation: number): void {
    this.#generation = generation
    this.#refusedLines = 0
  }

  /** Only the next acceptance proves something again. */
  forget (): void {
    this.#generation = -1
  }

  /** Counts lines that were convicted in this generation because of the last acceptance. */
  spend (lines: number, generation: number): void {
    this.#generation = generation
    this.#refusedLines += lines
  }

  /** True if the sink has accepted lines in this generation, and at most `limit` lines were convicted since, these included. */
  covers (lines: number, limit: number, generation: number): boolean {
    return this.#generation === generation && this.#refusedLines + lines <= limit
  }
}
