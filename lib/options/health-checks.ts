import { targetDefaults } from './defaults.js'
import type { Draft } from './draft.js'
import { show, type Faults } from './faults.js'
import type { HealthCheckOptions } from './types.js'

/** The complete option `healthCheck`. */
export type HealthCheckSettings =
  & ({ kind: 'http', url: string } | { kind: 'tcp', host: string, port: number })
  & Pick<Required<HealthCheckOptions>, 'intervalMs' | 'timeoutMs'>

/** The health check of each target. One without exactly one valid address is a fault. */
export function settleHealthChecks (draft: Draft, faults: Faults): Array<HealthCheckSettings | undefined> {
  return draft.targets.map((target, index) => {
    const path = draft.pathOf('healthCheck', index)
    const given = target?.healthCheck ?? draft.topLevel.healthCheck
    if (given === undefined || faults.concern(path)) return undefined
    const what = settleWhat(given, path, faults)
    const { intervalMs, timeoutMs } = { ...targetDefaults.healthCheck, ...given }
    return what && { ...what, intervalMs, timeoutMs }
  })
}

function settleWhat ({ http, tcp }: HealthCheckOptions, path: string, faults: Faults): { kind: 'http', url: string } | { kind: 'tcp', host: string, port: number } | undefined {
  if ((http === undefined) === (tcp === undefined)) {
    faults.add(path, 'expected either http or tcp')
  } else if (http !== undefined) {
    if (URL.canParse(http) && /^https?:$/.test(new URL(http).protocol)) return { kind: 'http', url: http }
    faults.add(`${path}.http`, `expected an http:// or https:// URL, got ${show(http)}`)
  } else if (tcp !== undefined) {
    const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(tcp) ?? []
    if (host !== undefined && Number(port) >= 1 && Number(port) <= 65535) return { kind: 'tcp', host, port: Number(port) }
    faults.add(`${path}.tcp`, `expected host:port, the port from 1 to 65535, got ${show(tcp)}`)
  }
  return undefined
}
