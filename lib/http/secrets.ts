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
