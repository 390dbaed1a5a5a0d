import { FanoutError } from '../errors.js'
import type { BreakerOptions } from './options.js'

/**
 * Complete, valid and frozen {@link BreakerOptions}. With `enabled: false` every attempt is permitted, and the state stays
 * `closed`. Without `failureRate` and `slowMs`, no share of attempts opens the breaker. The breaker itself does not use
 * `settleMs`; its owner does.
 */
export type BreakerSettings = Readonly<Required<Omit<BreakerOptions, 'failureRate' | 'slowMs'>> & Pick<BreakerOptions, 'failureRate' | 'slowMs'>>

/** Settings of a breaker without options. */
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
  mode: 'enforce',
  slowRate: 0.5,
  windowMs: 10000,
  minimumAttempts: 10
})

/** The longest delay of a timer; Node.js turns a longer one into 1 ms. */
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

const share: Rule = { expected: 'a number > 0 and <= 1', admits: (value) => isNumber(value) && value > 0 && value <= 1 }

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
  mode: { expected: "'enforce' or 'observe'", admits: (value) => value === 'enforce' || value === 'observe' },
  failureRate: share,
  slowMs: duration(1),
  slowRate: share,
  windowMs: duration(1),
  minimumAttempts: count
}

/**
 * Completes options.
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
