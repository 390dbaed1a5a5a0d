import { advice } from './advice.js'
import type { Setting } from './env.js'
import type { Faults } from './faults.js'
import { fanoutSchema } from './schema.js'
import type { CommonTargetOptions, FanoutOptions, PipelineTarget, SingleTarget } from './types.js'
import { validate } from './validation.js'

type TopLevel = Omit<FanoutOptions, 'targets'>

/** Every field that a target may have, also those that exclude each other. */
export type TargetFields = CommonTargetOptions & Partial<Pick<SingleTarget, 'target' | 'options'> & Pick<PipelineTarget, 'pipeline'>>

/**
 * The valid part of a user's options, in a copy, with the values of environment variables put in. It knows where each
 * value came from, so that a fault that is found later can name the place.
 */
export class Draft {
  readonly topLevel: TopLevel
  /** One for each entry of the input; `undefined` for an entry that is not an object. */
  readonly targets: readonly (TargetFields | undefined)[]
  readonly #variables = new Map<string, string>()

  constructor (input: unknown, faults: Faults) {
    const { targets = [], ...topLevel } = (validate(fanoutSchema, input, '', faults, advice) ?? {}) as TopLevel & { targets?: (TargetFields | undefined)[] }
    this.topLevel = topLevel
    this.targets = targets
  }

  /** Puts the values of environment variables in. A value replaces the one at the same path. */
  apply (settings: readonly Setting[]): void {
    for (const { variable, target, keys, value } of settings) {
      const holder = target === undefined ? this.topLevel : this.targets[target]
      if (holder === undefined) continue
      set(holder as Record<string, unknown>, keys, value)
      this.#variables.set(ownPath(keys.join('.'), target), variable)
    }
  }

  /**
   * The place of an option's value: at the target, else at the top level if it is there, else at the target, where it is
   * missing. See {@link placeOf}.
   */
  pathOf (key: keyof TopLevel & keyof TargetFields, target?: number): string {
    return this.placeOf(ownPath(key, this.#holder(key, target)))
  }

  /** A path, or the name of the variable that set the value at this path. */
  placeOf (path: string): string {
    return this.#variables.get(path) ?? path
  }

  /** Tells whether a variable set this option. */
  isFromEnvironment (key: keyof TopLevel & keyof TargetFields, target?: number): boolean {
    return this.#variables.has(ownPath(key, this.#holder(key, target)))
  }

  #holder (key: keyof TopLevel & keyof TargetFields, target: number | undefined): number | undefined {
    if (target === undefined || this.targets[target]?.[key] !== undefined) return target
    return this.topLevel[key] === undefined ? target : undefined
  }
}

function ownPath (path: string, target: number | undefined): string {
  return target === undefined ? path : `targets[${target}].${path}`
}

function set (holder: Record<string, unknown>, [key = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    holder[key] = value
    return
  }
  const inner = holder[key]
  // A variable for one setting of a breaker that is off must not turn the breaker on.
  const object = isObject(inner) ? inner : key === 'breaker' && inner === false ? { enabled: false } : {}
  holder[key] = object
  set(object, rest, value)
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
