// Made from the schema of the options by `npm run docs`: change the schema.

/** Settings of a circuit breaker. */
export interface BreakerOptions {
  /**
   * `false` turns the breaker off: it never keeps lines from the sink. Faults of the sink are still contained, and the
   * sink is still restarted.
   * @default true
   */
  enabled?: boolean
  /**
   * Number of consecutive failures that opens the breaker. Value: integer, 1 or more.
   * @default 5
   */
  failureThreshold?: number
  /**
   * How long the breaker stays open before it lets a probe through. Counts from the moment the breaker opened; later
   * failures do not extend it. Value: milliseconds, 1 to 2147483647.
   * @default 30000 (30 s)
   */
  recoveryTimeoutMs?: number
  /**
   * Number of probes that may be in flight at the same time. Value: integer, 1 or more.
   * @default 1
   */
  halfOpenMaxCalls?: number
  /**
   * Number of successful probes that closes the breaker. May be more than `halfOpenMaxCalls`. Value: integer, 1 or
   * more.
   * @default halfOpenMaxCalls
   */
  successThreshold?: number
  /**
   * Each failed probe multiplies the wait for the next probe by this factor. Value: number, 1 or more.
   * @default 1
   */
  backoffMultiplier?: number
  /**
   * Upper limit for a wait that grows by `backoffMultiplier`. Never makes a wait shorter than `recoveryTimeoutMs`.
   * Value: milliseconds, 1 to 2147483647.
   * @default 300000 (5 min)
   */
  maxRecoveryTimeoutMs?: number
  /**
   * Largest random part that is added to the wait, as a share of the wait, so that many processes do not probe at the
   * same moment. Value: number, 0 to 1.
   * @default 0
   */
  jitter?: number
  /**
   * Lines that the sink accepted without proof of delivery count as delivered once this time has passed without a
   * failure. Value: milliseconds, 0 to 2147483647.
   * @default 6000 (6 s)
   */
  settleMs?: number
  /**
   * `'enforce'`: the breaker keeps lines from the sink while it is not closed. `'observe'`: it only reports its
   * transitions, and every line still goes to the sink.
   * @default 'enforce'
   */
  mode?: 'enforce' | 'observe'
  /**
   * Opens the breaker once this share of the attempts of the last `windowMs` has failed, if there were at least
   * `minimumAttempts`. Applies beside `failureThreshold`. Value: number, more than 0, up to 1.
   * @default none
   */
  failureRate?: number
  /**
   * An attempt that succeeds is slow if it takes longer than this until the sink has accepted its lines; with a
   * delivery sink, until `send` has resolved. `slowRate` says how many slow attempts open the breaker. A slow probe
   * opens it again. Value: milliseconds, 1 to 2147483647.
   * @default none
   */
  slowMs?: number
  /**
   * Opens the breaker once this share of the attempts of the last `windowMs` was slow, if there were at least
   * `minimumAttempts`. Two are enough if slow attempts took half of `windowMs`. Value: number, more than 0, up to 1.
   * @default 0.5
   */
  slowRate?: number
  /**
   * How far `failureRate` and `slowRate` look back. Value: milliseconds, 1 to 2147483647.
   * @default 10000 (10 s)
   */
  windowMs?: number
  /**
   * The fewest attempts within `windowMs` whose share opens the breaker. An attempt is a batch that the sink was
   * handed. Value: integer, 1 or more.
   * @default 10
   */
  minimumAttempts?: number
}
