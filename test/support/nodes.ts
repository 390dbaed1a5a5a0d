import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

const isCI = process.env['CI'] !== undefined && process.env['CI'] !== 'false'

/** A version of Node.js with which tests run an app. */
export interface Node {
  name: string
  path: string
  /** Options of a test that needs this version. The test is skipped if it is not installed, but not in CI. */
  needed: { skip: string | false }
  /** Whether threads of this version can be inspected from outside. */
  canLook: boolean
}

/** The version of this process, and those that `scripts/install-nodes.sh` installs. */
export function nodes (): Node[] {
  const others = ['22', '24', '26'].map(major => ({ name: `node ${major}`, path: resolve(`.nodes/${major}/node_modules/node/bin/node`) }))
  return [{ name: `node ${process.version}`, path: process.execPath }, ...others].map(({ name, path }) => {
    const isMissing = !existsSync(path)
    return {
      name,
      path,
      needed: { skip: isMissing && !isCI && `${name} is not installed: scripts/install-nodes.sh` },
      canLook: !isMissing && execFileSync(path, ['-p', '"getHeapStatistics" in require("worker_threads").Worker.prototype'], { encoding: 'utf8', env: {} }).trim() === 'true'
    }
  })
}
