import { LaneRig, type LaneRigOptions } from './lane-rig.js'

const REFUSAL = { reason: 'http-400', err: { type: 'Error', message: 'the backend answered http 400', statusCode: 400 } } as const

/** Settings of a breaker that opens at the first failure and probes after a second. */
export const HASTY_BREAKER = { failureThreshold: 1, recoveryTimeoutMs: 1000 } as const

/** A lane with dead letters, for lines that its sink or backend does not take. */
export class PoisonRig extends LaneRig {
  constructor (options: LaneRigOptions) {
    super({ deadLetter: { maxBytes: 1e6 }, ...options })
  }

  /** A lane with a started delivery sink. */
  static delivery (options: LaneRigOptions): PoisonRig {
    const rig = new PoisonRig(options)
    rig.lane.start()
    rig.child.ready('delivery')
    return rig
  }

  /** A lane with a started delivery sink that has taken a line. */
  static proven (options: LaneRigOptions): PoisonRig {
    const rig = PoisonRig.delivery(options)
    rig.offer('good')
    rig.child.settle()
    return rig
  }

  /** A lane with a stream that has taken a line, and whose requests are sensed. */
  static sensed (options: LaneRigOptions): PoisonRig {
    const rig = new PoisonRig(options)
    rig.lane.start()
    rig.child.ready()
    rig.child.listener.onSensed('requests')
    rig.offer('good')
    rig.child.accept()
    rig.child.deliver()
    return rig
  }

  /** Offers lines to an idle delivery sink, which refuses them. */
  refuse (...lines: string[]): void {
    this.offer(...lines)
    this.child.refuse()
  }

  /** The stream accepts all lines; then its backend refuses those up to a position. */
  refuseAccepted (bytes = this.child.given): void {
    this.child.accept()
    this.child.listener.onRefused(bytes, REFUSAL)
  }

  /** Answers every batch for some time. Batches with a bad line fail. */
  answerFor (ms: number, reason: 'write-error' | 'http-503' = 'write-error'): void {
    for (let passed = 0; passed < ms; passed += 50) {
      const { child } = this
      while (child.isAsked) {
        if (this.batches.at(-1)?.includes('BAD') === true) child.settle(reason)
        else child.settle()
      }
      this.advance(50)
    }
  }
}
