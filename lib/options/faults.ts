import { FanoutError, redactCredentials } from '../errors.js'

/** The path of the options as a whole. */
const WHOLE = 'options'

/** Collects all faults of the options, so that they can be reported at once. */
export class Faults {
  readonly #faults: { path: string, message: string }[] = []

  /** Adds a fault, once: two targets that inherit an option have the same fault. */
  add (path: string, message: string): void {
    if (this.#faults.some(fault => fault.path === path && fault.message === message)) return
    this.#faults.push({ path, message })
  }

  /** Adds the faults of the value at a path; their own paths begin at that value. */
  adopt (path: string, { list }: Faults): void {
    for (const fault of list) {
      if (fault.path === WHOLE) this.add(path, fault.message)
      else this.add(fault.path.startsWith('[') ? path + fault.path : `${path}.${fault.path}`, fault.message)
    }
  }

  /** All faults so far. */
  get list (): ReadonlyArray<{ path: string, message: string }> {
    return this.#faults
  }

  /** Tells whether the value at this path, or anything in it, is wrong: then nothing can be concluded from the value. */
  concern (path: string): boolean {
    return this.#faults.some(fault => fault.path === path || fault.path.startsWith(`${path}.`) || fault.path.startsWith(`${path}[`))
  }

  /** @throws FanoutError `ERR_FANOUT_OPTIONS` if there are faults: the first beside the code, each other one on its own line */
  throwIfAny (): void {
    if (this.#faults.length === 0) return
    throw new FanoutError('ERR_FANOUT_OPTIONS', this.#faults.map(({ path, message }) => `${path}: ${message}`).join('\n  '))
  }
}

const MAX_SHOWN = 60

/** A value for a message: short, without credentials, and without the content of objects. */
export function show (value: unknown): string {
  switch (typeof value) {
    case 'undefined': return 'nothing'
    case 'string': return JSON.stringify(clip(redactCredentials(value)))
    case 'bigint': return `${value}n`
    case 'function': return 'a function'
    case 'object': return showObject(value)
    default: return String(value)
  }
}

/** The kind of a value that may be secret. */
export function showKind (value: unknown): string {
  if (typeof value === 'object') return showObject(value)
  return value === undefined ? 'nothing' : `a ${typeof value}`
}

function showObject (value: object | null): string {
  if (value === null) return 'null'
  if (value instanceof URL) return 'a URL object'
  if (!Array.isArray(value)) return Object.keys(value).length === 0 ? 'an empty object' : 'an object'
  return value.length === 0 ? 'an empty array' : 'an array'
}

function clip (text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}
