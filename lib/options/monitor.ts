import { isIPv4, isIPv6 } from 'node:net'
import { toPath, toSocketPath } from '../paths.js'
import { fanoutDefaults } from './defaults.js'
import type { Draft } from './draft.js'
import { show, type Faults } from './faults.js'
import type { MonitorOptions, PortRange } from './types.js'

/** Where the monitor listens: at the first free port of a range, 0 for any free one; or on a Unix socket. */
export type MonitorPlace =
  | { kind: 'port', host: string, isLoopback: boolean, from: number, to: number }
  | { kind: 'socket', path: string }

/** The complete option `monitor`. */
export interface MonitorSettings {
  place: MonitorPlace
  /** `undefined`: nobody needs one. */
  token: string | undefined
  actions: boolean
  /** Absolute paths of folders or files from which the monitor looks for packages of the app, in this order. */
  packagePlaces: readonly string[]
}

/** The longest path of a Unix socket. The system keeps it in a field of fixed size, with a zero at its end. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107
/** Characters that every client sends in a header unchanged. */
const SENDABLE = /^[!-~]+$/
/** `::1`, and `127.0.0.0/8` as IPv6. */
const LOOPBACK_IPV6 = /^\[::(?:1|ffff:7f[\da-f]{2}:[\da-f]{1,4})\]$/

/** The complete option `monitor`; `undefined` if it is off. */
export function settleMonitor (draft: Draft, cwd: string, faults: Faults): MonitorSettings | undefined {
  const given = draft.topLevel.monitor
  if (given === undefined || given === false || faults.concern('monitor')) return undefined
  const place = settlePlace(given, draft, cwd, faults)
  const { token, actions = fanoutDefaults.monitor.actions } = given
  if (token !== undefined && !SENDABLE.test(token)) faults.add(draft.placeOf('monitor.token'), 'expected only visible ASCII characters, without spaces')
  if (token === undefined) {
    const why = actions ? 'actions' : place?.kind === 'port' && !place.isLoopback ? 'host' : undefined
    if (why === 'actions') faults.add('monitor.token', 'expected a token, since actions are on, got nothing')
    if (why === 'host') faults.add('monitor.token', `expected a token, since other machines can reach the host ${show(given.host)}, got nothing`)
  }
  const { resolveFrom } = draft.topLevel
  const packagePlaces = [...resolveFrom === undefined || faults.concern('resolveFrom') ? [] : [toPath(resolveFrom, cwd)], cwd]
  return place && { place, token, actions, packagePlaces }
}

function settlePlace ({ port, socket, host = fanoutDefaults.monitor.host }: MonitorOptions, draft: Draft, cwd: string, faults: Faults): MonitorPlace | undefined {
  if ((port === undefined) === (socket === undefined)) {
    faults.add('monitor', `expected either port or socket, got ${port === undefined ? 'neither' : 'both'}`)
  } else if (port !== undefined) {
    const range = settlePorts(port, draft, faults)
    const name = host.replace(/^\[(.*)\]$/, '$1')
    return range && { kind: 'port', host: name, isLoopback: isLoopback(name), ...range }
  } else if (socket !== undefined) {
    const path = toSocketPath(socket, cwd)
    const bytes = Buffer.byteLength(path)
    if (bytes <= MAX_SOCKET_PATH_BYTES) return { kind: 'socket', path }
    faults.add('monitor.socket', `expected a path of at most ${MAX_SOCKET_PATH_BYTES} bytes, got one of ${bytes}: ${show(path)}`)
  }
  return undefined
}

/** @param port - A range may be incomplete, if a variable set one of its ends. */
function settlePorts (port: number | Partial<PortRange>, draft: Draft, faults: Faults): { from: number, to: number } | undefined {
  if (typeof port === 'number') return { from: port, to: port }
  const { from, to } = port
  for (const [key, value] of Object.entries({ from, to })) {
    if (value === undefined) faults.add(`monitor.port.${key}`, 'expected an integer from 1 to 65535, got nothing')
  }
  if (from === undefined || to === undefined) return undefined
  if (from <= to) return { from, to }
  faults.add(draft.placeOf('monitor.port'), `expected a range that does not end before it begins, got from ${from} to ${to}`)
  return undefined
}

/** True for an address, or a name, that only this machine can reach. */
export function isLoopback (host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.')
  if (isIPv6(host)) return LOOPBACK_IPV6.test(new URL(`http://[${host.replace(/%.*/, '')}]`).hostname)
  return /^(?:.+\.)?localhost\.?$/i.test(host)
}
