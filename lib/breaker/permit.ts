import type { FailureReason } from '../failure.js'

/**
 * Permission to make one attempt. One of its three methods settles it, once; later calls do nothing. If the breaker has
 * changed its state since, settling only adds to the breaker's `stale`.
 */
export interface Permit {
  /** The generation that it belongs to. */
  readonly generation: number
  /** @param tookMs - How long the attempt took, in ms. Without it, the attempt is not slow. */
  success (tookMs?: number): void
  /**
   * @param err - The thrown value, or its serialized form
   * @param reason - Default: `reasonOf(err)`
   */
  failure (err?: unknown, reason?: FailureReason): void
  /** Returns it unused: nothing was attempted, or the outcome says nothing about the sink. */
  ignore (): void
}

/** The breaker that has given a permit. */
export interface Issuer {
  /** Takes a permit of this generation back; returns whether its outcome counts. */
  takeBack (generation: number): boolean
  succeed (tookMs: number | undefined): void
  fail (err: unknown, reason: FailureReason | undefined): void
}

/** A {@link Permit} whose outcome counts. */
export class AttemptPermit implements Permit {
  readonly generation: number
  #issuer: Issuer | null

  constructor (generation: number, issuer: Issuer) {
    this.generation = generation
    this.#issuer = issuer
  }

  success (tookMs?: number): void {
    this.#giveBack()?.succeed(tookMs)
  }

  failure (err?: unknown, reason?: FailureReason): void {
    this.#giveBack()?.fail(err, reason)
  }

  ignore (): void {
    this.#giveBack()
  }

  /** The issuer, if the outcome counts. */
  #giveBack (): Issuer | null {
    const issuer = this.#issuer
    this.#issuer = null
    return issuer?.takeBack(this.generation) === true ? issuer : null
  }
}

/** The permit that `mode: 'observe'` gives in place of a refusal: the attempt is made, and its outcome does not count. */
export class InertPermit implements Permit {
  readonly generation: number

  constructor (generation: number) {
    this.generation = generation
  }

  success (): void {}
  failure (): void {}
  ignore (): void {}
}
