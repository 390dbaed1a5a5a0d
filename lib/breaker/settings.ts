import { FanoutError } from '../errors.js'

/** A complete, valid and frozen set of options. */
export interface BreakerSettings {
  /**
   * `false`: every attempt is permitted, and the state stays `closed`.
   * @default true
   */
  readonly enabled: boolean
  /**
   * How many consecutive failures open it: an integer >= 1.
   * @default 5
   */
  readonly failureThreshold: number
  /**
   * How long it stays open before a probe is let through, counted from the moment it opened; nothing extends it.
   * @default 30000
   */
  readonly recoveryTimeoutMs: number
  /**
   * How many probes may be in flight at once: an integer >= 1.
   * @default 1
   */
  readonly halfOpenMaxCalls: number
  /**
   * How many successful probes close it: an integer >= 1, which may be more than `halfOpenMaxCalls`.
   * @default `halfOpenMaxCalls`
   */
  readonly successThreshold: number
  /**
   * What each failed probe multiplies the wait by: a number >= 1.
   * @default 1
   */
  readonly backoffMultiplier: number
  /**
   * Where `backoffMultiplier` ends. It never makes a wait shorter than `recoveryTimeoutMs`.
   * @default 300000
   */
  readonly maxRecoveryTimeoutMs: number
  /**
   * The largest share of a wait that is added to it at random, from 0 to 1: many processes then do not probe at once.
   * @default 0
   */
  readonly jitter: number
  /**
   * How long an unproven acceptance must stay quiet to count as success. The breaker only carries this one.
   * @default 6000
   */
  readonly settleMs: number
  /**
   * `'observe'`: transitions happen and are reported, but no attempt is refused.
   * @default 'enforce'
   */
  readonly mode: 'enforce' | 'observe'
}

/** What {@link SinkCircuitBreaker} takes: any part of {@link BreakerSettings}. */
export type BreakerOptions = Partial<BreakerSettings>

/** The settings of a breaker that is given no options. */
export const breakerDefaults: BreakerSettings = Object.freeze({
  enabled: true,
  failureThreshold: 5,
  recoveryTimeoutMs: 30000,
  halfOpenMaxCalls: 1,
  successThreshold: 1,
  backoffMultiplier: 1,
  maxRecoveryTimeoutMs: 300000,
  jitter: 0,
  settleMs: 6000,
  mode: 'enforce'
})

/** The longest delay that a timer takes; Node turns a longer one into 1 ms. */
export const MAX_DURATION_MS = 2 ** 31 - 1

interface Rule {
  readonly expected: string
  readonly admits: (value: unknown) => boolean
}

const flag: Rule = { expected: 'a boolean', admits: (value) => typeof value === 'boolean' }
const count: Rule = { expected: 'an integer >= 1', admits: (value) => isNumber(value) && Number.isInteger(value) && value >= 1 }

function duration (min: number): Rule {
  return {
    expected: `an integer from ${min} to ${MAX_DURATION_MS}`,
    admits: (value) => isNumber(value) && Number.isInteger(value) && value >= min && value <= MAX_DURATION_MS
  }
}

const rules: Readonly<Record<keyof BreakerSettings, Rule>> = {
  enabled: flag,
  failureThreshold: count,
  recoveryTimeoutMs: duration(1),
  halfOpenMaxCalls: count,
  successThreshold: count,
  backoffMultiplier: { expected: 'a number >= 1', admits: (value) => isNumber(value) && Number.isFinite(value) && value >= 1 },
  maxRecoveryTimeoutMs: duration(1),
  jitter: { expected: 'a number from 0 to 1', admits: (value) => isNumber(value) && value >= 0 && value <= 1 },
  settleMs: duration(0),
  mode: { expected: "'enforce' or 'observe'", admits: (value) => value === 'enforce' || value === 'observe' }
}

/**
 * Makes options complete.
 *
 * @throws FanoutError `ERR_FANOUT_OPTIONS`, naming every option that is unknown, NaN, fractional or out of range
 */
export function toSettings (sinkName: string, options: BreakerOptions): BreakerSettings {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new FanoutError('ERR_FANOUT_OPTIONS', `breaker: expected an object, got ${show(options)}`, { sink: sinkName })
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const faults = given.flatMap(([key, value]) => faultOf(key, value))
  if (faults.length > 0) throw new FanoutError('ERR_FANOUT_OPTIONS', faults.join('; '), { sink: sinkName })

  const settings: BreakerOptions = Object.fromEntries(given)
  const successThreshold = settings.halfOpenMaxCalls ?? breakerDefaults.halfOpenMaxCalls
  return Object.freeze({ ...breakerDefaults, successThreshold, ...settings })
}

function faultOf (key: string, value: unknown): string[] {
  if (!isOption(key)) return [`breaker.${key}: unknown option, expected one of ${Object.keys(rules).join(', ')}`]
  const { expected, admits } = rules[key]
  return admits(value) ? [] : [`breaker.${key}: expected ${expected}, got ${show(value)}`]
}

function isOption (key: string): key is keyof BreakerSettings {
  return Object.hasOwn(rules, key)
}

function isNumber (value: unknown): value is number {
  return typeof value === 'number'
}

function show (value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
