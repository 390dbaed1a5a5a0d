import { LaneRig, type LaneRigOptions } from './lane-rig.js'

const REFUSAL = { reason: 'http-400', err: { type: 'Error', message: 'the backend answered http 400', statusCode: 400 } } as const

/** A breaker that opens at the first failure, and tries again after a second. */
export const HASTY_BREAKER = { failureThreshold: 1, recoveryTimeoutMs: 1000 } as const

/** A lane that keeps dead letters, and whose sink is given lines that it, or its backend, does not take. */
export class PoisonRig extends LaneRig {
  constructor (options: LaneRigOptions) {
    super({ deadLetter: { maxBytes: 1e6 }, ...options })
  }

  /** One with a delivery sink that has started. */
  static delivery (options: LaneRigOptions): PoisonRig {
    const rig = new PoisonRig(options)
    rig.lane.start()
    rig.child.ready('delivery')
    return rig
  }

  /** The same, and the sink has taken a line. */
  static proven (options: LaneRigOptions): PoisonRig {
    const rig = PoisonRig.delivery(options)
    rig.offer('good')
    rig.child.settle()
    return rig
  }

  /** One with a stream that has taken a line, and whose requests are seen. */
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

  /** Offers lines to a delivery sink that has no others, and refuses them. */
  refuse (...lines: string[]): void {
    this.offer(...lines)
    this.child.refuse()
  }

  /** The backend of a stream refuses what came up to there, after the stream has accepted all. */
  refuseAccepted (bytes = this.child.given): void {
    this.child.accept()
    this.child.listener.onRefused(bytes, REFUSAL)
  }

  /** Answers for every batch, failing those with a bad line, until so much time is over. */
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
