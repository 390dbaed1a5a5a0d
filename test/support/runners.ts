import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

const isCI = process.env['CI'] !== undefined && process.env['CI'] !== 'false'

/** Where `scripts/install-runners.sh` installs PM2, Vitest and Jest. */
const modules = resolve('.runners/node_modules')

/** Options of a test that needs them. It is skipped if they are not installed, but not in CI. */
export const runnersNeeded = { skip: !existsSync(modules) && !isCI && 'no runners are installed: scripts/install-runners.sh' }

/** The script of a runner's command, for Node.js. */
export function runnerScript (path: string): string {
  return resolve(modules, path)
}
