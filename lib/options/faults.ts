import { FanoutError, redactCredentials } from '../errors.js'

/** The path of options as a whole. */
const WHOLE = 'options'

/** What is wrong with the options, collected so that all of it can be told at once. */
export class Faults {
  readonly #faults: { path: string, message: string }[] = []

  /** The same fault found twice, as when two targets inherit it, is told once. */
  add (path: string, message: string): void {
    if (this.#faults.some(fault => fault.path === path && fault.message === message)) return
    this.#faults.push({ path, message })
  }

  /** Takes over what is wrong with the value at a path, whose own paths begin there. */
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

  /** Whether something is wrong at this path or below it: then nothing can be concluded from its value. */
  concern (path: string): boolean {
    return this.#faults.some(fault => fault.path === path || fault.path.startsWith(`${path}.`) || fault.path.startsWith(`${path}[`))
  }

  /** @throws FanoutError `ERR_FANOUT_OPTIONS`, if there is any fault: the first on the line of the code, each other on its own */
  throwIfAny (): void {
    if (this.#faults.length === 0) return
    throw new FanoutError('ERR_FANOUT_OPTIONS', this.#faults.map(({ path, message }) => `${path}: ${message}`).join('\n  '))
  }
}

const MAX_SHOWN = 60

/** A value as it may stand in a message: short, and without what an object may hide. */
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

/** What kind of value it is, and nothing of the value. */
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
