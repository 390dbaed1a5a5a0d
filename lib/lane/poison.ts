import { joinLines, numberOf, pickLines, cutLines, type Lines } from '../batch.js'
import type { Permit } from '../breaker.js'
import type { RefusedLine } from '../child/rejection.js'
import { canBeOfLines, type SinkFailure } from '../failure.js'
import type { NextLines } from '../queue.js'
import type { DeadLetters } from '../dead-letters/dead-letters.js'
import type { Gate } from './gate.js'
import { Proof } from '../proof.js'
import type { Attempt } from './unsettled.js'

/** Dependencies of a {@link Poison}. */
export interface PoisonDeps {
  gate: Gate
  deadLetters: DeadLetters
  /** True if lines that were handed over may be handed over again. */
  redelivers: boolean
}

/** Conclusion from a refusal. */
export interface Judgement {
  /** True if the lines are to blame. If not, the backend may be refusing everything. */
  readonly isOfLines: boolean
  /** Lines that are to be sent again. */
  readonly returned: readonly Lines[]
}

/** After this many probes that may have failed because of their lines, the next probe sends other lines. */
const PROBES_BEFORE_OTHERS = 4
/** A line becomes a dead letter once it has failed alone this often, each time right after others had been accepted. */
const CONVICTING_FAILURES = 4

/**
 * Finds lines that a sink cannot take: lines that the backend refuses for good while it accepts others, and lines that make
 * the sink fail while others do not. Both are sent again in smaller portions until the guilty lines are known; these become
 * dead letters.
 *
 * A backend that refuses everything must not cost more than `failureThreshold` lines. So one acceptance convicts at most
 * that many lines; more are convicted only if they were refused before that acceptance, and again after it. Without any
 * acceptance, a *witness* is sent: the newest line that there is.
 */
export class Poison {
  readonly #options: PoisonDeps
  readonly #proof = new Proof()
  /** Failed probes of this outage that may have failed because of their lines. */
  #failedProbes = 0
  #accused: { line: number, failures: number } | undefined
  #witness: 'none' | 'wanted' | 'sent' = 'none'
  #isSeeking = false
  /** How many lines in doubt one acceptance may convict. It doubles as long as all that are tried are refused. */
  #stride: number
  /** How many lines in doubt are sent at once. */
  #portion = Infinity
  #tellsOfLines = false
  /** Lines in doubt were convicted since the last acceptance. */
  #hasConvicted = false

  constructor (options: PoisonDeps) {
    this.#options = options
    this.#stride = options.gate.breaker.settings.failureThreshold
  }

  /** True if the sink is known to accept lines: only then are lines in doubt sent before others. */
  get isProven (): boolean {
    return this.#covers(1, this.#stride)
  }

  /** True if the newest line was refused as well, so that only a line that has yet to come can tell more. */
  get isSeeking (): boolean {
    return this.#isSeeking
  }

  /** True if the last refusal named each line. */
  get tellsOfLines (): boolean {
    return this.#tellsOfLines
  }

  /** How many lines in doubt may be sent at once. */
  get maxDoubtedLines (): number {
    return this.#portion
  }

  /**
   * Which lines to send next. A sink that is not known to accept anything is first given lines that it has not refused
   * before, so that one bad line holds up no other. Now and then a probe sends other lines than the oldest, if these may
   * be why probes fail; not more often, since after an outage lines are to arrive in order.
   */
  get nextLines (): NextLines {
    if (this.#witness === 'wanted') return 'newest'
    if (this.isProven) return 'oldest'
    const isTimeForOthers = this.#failedProbes > 0 && this.#failedProbes % PROBES_BEFORE_OTHERS === 0
    return this.#options.gate.isTripped && isTimeForOthers ? 'other' : 'least'
  }

  /** Returns lines as they are to be sent: a witness is in doubt. */
  send (lines: Lines): Lines {
    if (this.#witness !== 'wanted') return lines
    this.#witness = 'sent'
    // In doubt it is sent by itself, so that the answer is about it.
    return { ...lines, doubts: lines.doubts + 1 }
  }

  /** Records that the sink accepted lines. Call {@link renew} as well if their success may have begun a generation. */
  accept (lines: readonly Lines[]): void {
    const wasInDoubt = this.#witness !== 'sent' && lines.some(({ doubts }) => doubts > 0)
    if (wasInDoubt) {
      this.#beginSmall()
      this.#portion *= 2
    } else if (this.#hasConvicted && this.#tellsOfLines) {
      this.#stride *= 2
      this.#portion = this.#stride
    }
    this.#hasConvicted = this.#isSeeking = false
    this.#witness = 'none'
    this.#failedProbes = 0
    this.renew()
  }

  /** Counts the last acceptance for the present generation. */
  renew (): void {
    this.#proof.accept(this.#options.gate.breaker.generation)
  }

  /**
   * The backend refused these lines for good one by one, in ascending order, and accepted `accepted` others with them.
   *
   * @returns whether that is believed: the refused lines are dead letters then
   */
  bury (lines: Lines, refused: readonly RefusedLine[], accepted: number): boolean {
    const [first, ...others] = refused
    if (first === undefined) return true
    const inQuestion = accepted > 0 ? 0 : refused.filter(({ isCertain }) => isCertain !== true).length
    if (inQuestion > 0 && !this.#mayConvict(lines, inQuestion)) return false
    this.#options.deadLetters.add(pickLines(lines, refused.map(({ line }) => line)), [first, ...others])
    if (inQuestion > 0) this.#spend(lines, inQuestion)
    return true
  }

  /** The backend refused all of these lines one by one, which is not believed yet. Returns the lines to be sent again. */
  suspect (lines: Lines): Lines {
    this.#tellsOfLines = true
    this.#portion = Math.min(this.#portion, this.#stride)
    return inDoubt(lines)
  }

  /** The backend refused these lines for good as a whole. */
  refuse (attempts: readonly [Attempt, ...Attempt[]], failure: SinkFailure): Judgement {
    const lines = joinAttempts(attempts)
    const { redelivers } = this.#options
    if ((lines.count === 1 || !redelivers) && this.#mayConvict(lines, lines.count)) {
      this.#convict(lines, failure)
      return { isOfLines: true, returned: [] }
    }
    // A request that was refused as a whole does not say that each of its lines was refused before.
    this.#tellsOfLines = false
    this.#beginSmall()
    this.#portion = Math.ceil(lines.count / 2)
    return { isOfLines: lines.count > 1 && redelivers && this.isProven && this.#witness !== 'sent', returned: [inDoubt(lines)] }
  }

  /**
   * Decides whether the newest line is sent before a refusal, whose lines may be good, counts as a failure.
   *
   * @param refused - Lines of which each was refused; the newest line has to be another one
   * @param newestLine - The number of the newest line that is least in doubt
   */
  callWitness (refused: Lines | undefined, newestLine: number | undefined): boolean {
    const canTell = newestLine !== undefined && (refused === undefined || newestLine < refused.firstLine || newestLine > numberOf(refused, refused.count - 1))
    const isCalled = canTell && this.#witness === 'none'
    if (this.#witness === 'sent') this.#beginSmall()
    this.#witness = isCalled ? 'wanted' : 'none'
    this.#isSeeking = !isCalled
    return isCalled
  }

  /** The backend answered, although it accepted nothing: that is enough for a probe to succeed. */
  answer (permits: ReadonlyArray<Permit | null>): void {
    const { gate } = this.#options
    for (const permit of permits) {
      if (gate.isTripped) permit?.success()
      else permit?.ignore()
    }
    this.#proof.spend(0, gate.breaker.generation)
  }

  /** Returns lines that did not arrive as they are to be sent again: in halves, if they seem to be to blame. */
  fail (attempts: readonly Attempt[], failure: SinkFailure): Lines[] {
    const wasWitness = this.#witness === 'sent'
    this.#witness = 'none'
    if (attempts.length > 0) this.#beginSmall()
    const [first] = attempts
    const canBlame = first !== undefined && canBeOfLines(failure)
    if (canBlame && this.#options.gate.isTripped) this.#failedProbes++
    if (!canBlame || wasWitness || first.lines.doubts === 0 || !this.isProven) return attempts.map(({ lines }) => sentAgain(lines))

    // Its next failure says more than this one only after others have arrived again.
    this.#proof.forget()
    if (first.lines.count > 1) return halvesInDoubt(first.lines)
    const { firstLine } = first.lines
    this.#accused = { line: firstLine, failures: this.#accused?.line === firstLine ? this.#accused.failures + 1 : 1 }
    if (this.#accused.failures < CONVICTING_FAILURES) return [sentAgain(first.lines)]
    this.#convict(first.lines, failure)
    return []
  }

  #beginSmall (): void {
    this.#stride = this.#options.gate.breaker.settings.failureThreshold
    this.#hasConvicted = false
  }

  #covers (lines: number, limit: number): boolean {
    return this.#proof.covers(lines, limit, this.#options.gate.breaker.generation)
  }

  #mayConvict (lines: Lines, count: number): boolean {
    // The answer to a witness is about the backend.
    return this.#witness !== 'sent' && this.#covers(count, lines.doubts > 0 ? this.#stride : this.#options.gate.breaker.settings.failureThreshold)
  }

  #convict (lines: Lines, { err }: SinkFailure): void {
    this.#options.deadLetters.add(lines, [{ reason: withoutCode(err.message), status: err.statusCode }])
    this.#spend(lines, lines.count)
  }

  #spend (lines: Lines, count: number): void {
    if (lines.doubts > 0) this.#hasConvicted = true
    this.#proof.spend(count, this.#options.gate.breaker.generation)
  }
}

/** The errors of this package begin with their code. */
function withoutCode (message: string): string {
  return message.replace(/^ERR_FANOUT_\w+: /, '')
}

function sentAgain (lines: Lines): Lines {
  return { ...lines, attempts: lines.attempts + 1 }
}

function inDoubt (lines: Lines): Lines {
  return { ...sentAgain(lines), doubts: lines.doubts + 1 }
}

function halvesInDoubt (lines: Lines): Lines[] {
  return cutLines(inDoubt(lines), Infinity, Math.ceil(lines.count / 2)).filter(half => half !== undefined)
}

function joinAttempts ([first, ...others]: readonly [Attempt, ...Attempt[]]): Lines {
  return joinLines([first.lines, ...others.map(({ lines }) => lines)])
}
