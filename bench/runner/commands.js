import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NEWLINE = 10

/** The path of a file in `bench/`. */
export const pathOf = name => fileURLToPath(new URL(`../${name}`, import.meta.url))

/** Runs one of the programs in `apps/` with its plan. */
export const app = (name, plan) => ({ argv: [process.execPath, pathOf(`apps/${name}.js`), JSON.stringify(plan)] })

/** Runs a command line in a shell. */
export const shell = line => ({ argv: ['bash', '-o', 'pipefail', '-c', line] })

/** A target that writes to a file in the run's directory. */
export const fileTarget = (dir, name, more) => ({ target: 'pino/file', options: { destination: join(dir, `${name}.ndjson`) }, ...more })

/** `pino-breaker-fanout` with these targets, as options of `pino.transport()`. */
export const fanoutOf = (targets, options) => ({ target: 'pino-breaker-fanout', options: { targets, ...options } })

/** Whether a program is installed. One that is not is left out of the comparison, and named in the report. */
export const isInstalled = path => existsSync(path)

/** Creates a check of the number of lines in files: a run that lost lines does not count as fast. */
export function expectLines (dir, expected) {
  for (const [name, lines] of Object.entries(expected)) {
    const found = countLines(join(dir, `${name}.ndjson`))
    if (found !== lines) throw new Error(`${name}.ndjson has ${found} lines instead of ${lines}`)
  }
}

function countLines (file) {
  const bytes = readFileSync(file)
  let count = 0
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count++
  return count
}
