import { breakerDefaults } from '../../breaker/settings.js'
import { MAX_TIMER_MS, count, flag, milliseconds, object, oneOf, share } from '../fields.js'

/** The options of a circuit breaker. */
export const breakerSchema = object({
  enabled: flag({
    description: '`false` turns the breaker off: it never keeps lines from the sink. Faults of the sink are still contained, and the sink is still restarted.',
    default: breakerDefaults.enabled
  }),
  failureThreshold: count({
    description: 'Number of consecutive failures that opens the breaker.',
    default: breakerDefaults.failureThreshold
  }),
  recoveryTimeoutMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'How long the breaker stays open before it lets a probe through. Counts from the moment the breaker opened; later failures do not extend it.',
    default: breakerDefaults.recoveryTimeoutMs,
    'x-plausible-from': 100
  }),
  halfOpenMaxCalls: count({
    description: 'Number of probes that may be in flight at the same time.',
    default: breakerDefaults.halfOpenMaxCalls
  }),
  successThreshold: count({
    description: 'Number of successful probes that closes the breaker. May be more than `halfOpenMaxCalls`.',
    'x-default': '`halfOpenMaxCalls`'
  }),
  backoffMultiplier: {
    type: 'number',
    minimum: 1,
    description: 'Each failed probe multiplies the wait for the next probe by this factor.',
    default: breakerDefaults.backoffMultiplier
  },
  maxRecoveryTimeoutMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'Upper limit for a wait that grows by `backoffMultiplier`. Never makes a wait shorter than `recoveryTimeoutMs`.',
    default: breakerDefaults.maxRecoveryTimeoutMs,
    'x-plausible-from': 100
  }),
  jitter: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    description: 'Largest random part that is added to the wait, as a share of the wait, so that many processes do not probe at the same moment.',
    default: breakerDefaults.jitter
  },
  settleMs: milliseconds(0, MAX_TIMER_MS, {
    description: 'Lines that the sink accepted without proof of delivery count as delivered once this time has passed without a failure.',
    default: breakerDefaults.settleMs,
    'x-plausible-from': 100
  }),
  mode: oneOf(['enforce', 'observe'], {
    description: '`\'enforce\'`: the breaker keeps lines from the sink while it is not closed. `\'observe\'`: it only reports its transitions, and every line still goes to the sink.',
    default: breakerDefaults.mode
  }),
  failureRate: share({
    description: 'Opens the breaker once this share of the attempts of the last `windowMs` has failed, if there were at least `minimumAttempts`. Applies beside `failureThreshold`.',
    'x-default': 'none'
  }),
  slowMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'An attempt that succeeds is slow if it takes longer than this until the sink has accepted its lines; with a delivery sink, until `send` has resolved. `slowRate` says how many slow attempts open the breaker. A slow probe opens it again.',
    'x-default': 'none',
    'x-plausible-from': 20
  }),
  slowRate: share({
    description: 'Opens the breaker once this share of the attempts of the last `windowMs` was slow, if there were at least `minimumAttempts`. Two are enough if slow attempts took half of `windowMs`.',
    default: breakerDefaults.slowRate
  }),
  windowMs: milliseconds(1, MAX_TIMER_MS, {
    description: 'How far `failureRate` and `slowRate` look back.',
    default: breakerDefaults.windowMs,
    'x-plausible-from': 100
  }),
  minimumAttempts: count({
    description: 'The fewest attempts within `windowMs` whose share opens the breaker. An attempt is a batch that the sink was handed.',
    default: breakerDefaults.minimumAttempts
  })
}, {
  title: 'Breaker',
  description: 'Settings of a circuit breaker.',
  'x-type': 'BreakerOptions'
})
