/**
 * Tells poison from a backend that refuses everything: lines are to blame for a refusal only if the sink has accepted
 * others, in the same generation of the breaker and not too many refusals ago.
 */
export class Proof {
  #generation = -1
  #refusedLines = 0

  /** The sink accepted lines in this generation, or began it by accepting them. */
  accept (generation: number): void {
    this.#generation = generation
    this.#refusedLines = 0
  }

  /** The sink has to accept lines anew. */
  forget (): void {
    this.#generation = -1
  }

  /** This many lines were given up in this generation on the strength of the last acceptance. */
  spend (lines: number, generation: number): void {
    this.#generation = generation
    this.#refusedLines += lines
  }

  /** Whether the sink has accepted lines in this generation, and at most `limit` were given up since, these included. */
  covers (lines: number, limit: number, generation: number): boolean {
    return this.#generation === generation && this.#refusedLines + lines <= limit
  }
}
