import { cutLines, joinLines, pickLines, type Lines } from '../batch.js'
import type { Permit } from '../breaker.js'
import type { RefusedLine } from '../child/rejection.js'
import { canBeOfLines, type SinkFailure } from '../failure.js'
import type { DeadLetters } from './dead-letters.js'
import type { Gate } from './gate.js'
import { Proof } from './proof.js'
import type { Attempt } from './unsettled.js'

/** What poison is found with. */
export interface PoisonOptions {
  gate: Gate
  deadLetters: DeadLetters
  /** Whether lines that were handed over may be handed over again. */
  redelivers: boolean
}

/** Which lines are next: the oldest of all, of those least in doubt, or of those least in doubt but for the oldest of all. */
export type NextLines = 'oldest' | 'least' | 'other'

/** After so many probes that may have failed because of their lines, and again after as many, one is made of others. */
const PROBES_BEFORE_OTHERS = 4
/** So often a line must have failed by itself, each time right after others had not, to be to blame. */
const CONVICTING_FAILURES = 4

/**
 * Finds the lines that a sink cannot be given: those that the backend refuses for good while it takes others, and those
 * that make the sink fail while others do not. Both are sent again by halves, until the guilty one is alone.
 */
export class Poison {
  readonly #options: PoisonOptions
  readonly #proof: Proof
  /** Failed probes of this outage that what was sent may have been to blame for. */
  #failedProbes = 0
  #accused: { line: number, failures: number } | undefined

  constructor (options: PoisonOptions) {
    this.#options = options
    this.#proof = new Proof(options.gate.failureThreshold)
  }

  /** Whether the sink is known to take lines: only then are some in doubt sent before others. */
  get isProven (): boolean {
    return this.#proof.holdsIn(this.#options.gate.generation)
  }

  /**
   * A sink that is not known to take anything is given what it has not refused before, so that one bad line keeps no
   * other; and now and then a probe is of others than the oldest, if it may be these that make them fail. Not more often:
   * after an outage lines are to arrive in order.
   */
  get nextLines (): NextLines {
    if (this.isProven) return 'oldest'
    const isTimeForOthers = this.#failedProbes > 0 && this.#failedProbes % PROBES_BEFORE_OTHERS === 0
    return this.#options.gate.isTripped && isTimeForOthers ? 'other' : 'least'
  }

  /** The sink accepted lines; call it again if their success has begun a generation. */
  accept (): void {
    this.#failedProbes = 0
    this.#proof.accept(this.#options.gate.generation)
  }

  /** These were refused for good one by one, in ascending order. */
  bury (lines: Lines, refused: readonly RefusedLine[]): void {
    const [first, ...others] = refused
    if (first === undefined) return
    this.#options.deadLetters.add(pickLines(lines, refused.map(({ line }) => line)), [first, ...others])
    this.#proof.spend(refused.length, this.#options.gate.generation)
  }

  /** These were refused for good as a whole. Returns those to be sent again. */
  refuse (attempts: readonly [Attempt, ...Attempt[]], failure: SinkFailure): Lines[] {
    const lines = joinAttempts(attempts)
    if (this.isProven && (lines.count === 1 || !this.#options.redelivers)) {
      this.#condemn(lines, failure)
      return []
    }
    return halvesInDoubt(lines)
  }

  /** The backend answered, though not by taking anything: good enough for a probe. */
  answer (permits: ReadonlyArray<Permit | null>): void {
    const { gate } = this.#options
    for (const permit of permits) {
      if (gate.isTripped) permit?.success()
      else permit?.ignore()
    }
    this.#proof.spend(0, gate.generation)
  }

  /** These did not arrive. Returns those to be sent again: in halves, if they seem to be to blame. */
  fail (attempts: readonly Attempt[], failure: SinkFailure): Lines[] {
    const [first] = attempts
    const canBlame = first !== undefined && canBeOfLines(failure)
    if (canBlame && this.#options.gate.isTripped) this.#failedProbes++
    if (!canBlame || first.lines.doubts === 0 || !this.isProven) return attempts.map(({ lines }) => sentAgain(lines))

    // Only once others have arrived again does its next failure say more than this one.
    this.#proof.forget()
    if (first.lines.count > 1) return halvesInDoubt(first.lines)
    const { firstLine } = first.lines
    this.#accused = { line: firstLine, failures: this.#accused?.line === firstLine ? this.#accused.failures + 1 : 1 }
    if (this.#accused.failures < CONVICTING_FAILURES) return [sentAgain(first.lines)]
    this.#condemn(first.lines, failure)
    return []
  }

  #condemn (lines: Lines, { err }: SinkFailure): void {
    const { deadLetters, gate } = this.#options
    deadLetters.add(lines, [{ reason: withoutCode(err.message), status: err.statusCode }])
    this.#proof.spend(lines.count, gate.generation)
  }
}

/** Our own errors begin with their code. */
function withoutCode (message: string): string {
  return message.replace(/^ERR_FANOUT_\w+: /, '')
}

function sentAgain (lines: Lines): Lines {
  return { ...lines, attempts: lines.attempts + 1 }
}

function halvesInDoubt (lines: Lines): Lines[] {
  const doubted = { ...sentAgain(lines), doubts: lines.doubts + 1 }
  return cutLines(doubted, Infinity, Math.ceil(lines.count / 2)).filter(half => half !== undefined)
}

function joinAttempts ([first, ...others]: readonly [Attempt, ...Attempt[]]): Lines {
  return joinLines([first.lines, ...others.map(({ lines }) => lines)])
}
