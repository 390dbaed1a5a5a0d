import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { hostPath } from '../child/host-path.js'
import type { FanoutSnapshot } from '../metrics.js'

/** A snapshot, and the process that it is of: the body of `/snapshot.json`. */
export interface MonitorSnapshot extends FanoutSnapshot {
  pid: number
  hostname: string
  /** The version of this package; empty if it cannot be read, as in a bundle. */
  version: string
  /** True if sinks can be acted upon by POST requests. */
  actions: boolean
}

/** Adds the process to snapshots. */
export function describesProcess (actions: boolean): (snapshot: FanoutSnapshot) => MonitorSnapshot {
  const { pid } = process
  const about = { pid, hostname: hostname(), version: readVersion(), actions }
  return snapshot => ({ ...snapshot, ...about })
}

function readVersion (): string {
  try {
    return (createRequire(hostPath)('pino-breaker-fanout/package.json') as { version: string }).version
  } catch {
    return ''
  }
}
