import { readFileSync } from 'node:fs'
import type { Faults } from '../options/faults.js'
import type { Secret } from './schema.js'

/** The sources of secrets. */
export interface SecretSources {
  env: NodeJS.ProcessEnv
  readFile: (path: string) => string
}

/** The environment and the file system. */
export const systemSources: SecretSources = { env: process.env, readFile: path => readFileSync(path, 'utf8') }

/**
 * Reads the current value of a secret. If it cannot be read, returns `undefined` and adds the place where it should be to
 * `faults`, never its content.
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
