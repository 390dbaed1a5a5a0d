import { readFileSync } from 'node:fs'
import type { Faults } from '../options/faults.js'
import type { Secret } from './schema.js'

/** The outside that secrets come from. */
export interface SecretSources {
  env: NodeJS.ProcessEnv
  readFile: (path: string) => string
}

/** The environment and the file system. */
export const systemSources: SecretSources = { env: process.env, readFile: path => readFileSync(path, 'utf8') }

/**
 * What a secret is at this moment; `undefined` if it cannot be had, which is told in `faults` by the place where it was
 * to be found, and never by what is there.
 */
export function readSecret (secret: Secret, path: string, { env, readFile }: SecretSources, faults: Faults): string | undefined {
  if (typeof secret === 'string') return secret
  if (secret.env !== undefined) {
    const value = env[secret.env]
    if (value === undefined || value === '') faults.add(path, `the environment variable ${secret.env} is not set`)
    return value
  }
  try {
    const value = readFile(secret.file ?? '').replace(/\r?\n$/, '')
    if (value === '') faults.add(path, `the file ${secret.file} is empty`)
    return value
  } catch (error) {
    faults.add(path, `the file ${secret.file} cannot be read (${(error as NodeJS.ErrnoException).code})`)
    return undefined
  }
}

const MIN_HIDDEN_LENGTH = 4

/** Takes what is secret out of texts that are shown: a backend may send back what it was sent. */
export class Redactor {
  readonly #always: readonly string[]
  #hidden: readonly string[]

  /** @param always - What is hidden for good, beside what is given to `hide()`. */
  constructor (always: readonly string[] = []) {
    this.#always = always
    this.#hidden = formsOf(always)
  }

  /** Replaces what is hidden: each of these texts, and each of its words. Less than four characters hide nothing, and would make a text unreadable. */
  hide (texts: readonly string[]): void {
    this.#hidden = formsOf([...this.#always, ...texts])
  }

  /** A text without what is hidden. */
  redact (text: string): string {
    return this.#hidden.reduce((shown, hidden) => shown.replaceAll(hidden, '[hidden]'), text)
  }
}

/** The longest first, since one may be a part of another. */
function formsOf (texts: readonly string[]): string[] {
  const forms = texts.flatMap(text => [text, ...text.split(/\s+/), encodeURIComponent(text)])
  return [...new Set(forms)].filter(form => form.length >= MIN_HIDDEN_LENGTH).sort((a, b) => b.length - a.length)
}
