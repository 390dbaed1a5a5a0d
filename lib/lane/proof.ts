/**
 * Tells poison from a backend that refuses everything: lines are to blame for a refusal only if the sink has accepted
 * others, in the same generation of the breaker and not too many refusals ago.
 */
export class Proof {
  readonly #maxRefusedLines: number
  #generation = -1
  #refusedLines = 0

  /** @param maxRefusedLines - How many lines may be found guilty before the sink must have accepted another one. */
  constructor (maxRefusedLines: number) {
    this.#maxRefusedLines = maxRefusedLines
  }

  /** The sink accepted lines in this generation, or began it by accepting them. */
  accept (generation: number): void {
    this.#generation = generation
    this.#refusedLines = 0
  }

  /** It has to be shown anew. */
  forget (): void {
    this.#generation = -1
  }

  /** So many lines were found guilty; what the proof was worth is worth so much less, in this generation. */
  spend (lines: number, generation: number): void {
    this.#generation = generation
    this.#refusedLines += lines
  }

  /** Whether the sink is known to accept lines in this generation. */
  holdsIn (generation: number): boolean {
    return this.#generation === generation && this.#refusedLines < this.#maxRefusedLines
  }
}
