import { isAbsolute, resolve } from 'node:path'
import { UsageError } from '../cli/command.js'

/** Where a monitor listens. */
export type MonitorAddress =
  | { readonly kind: 'url', readonly url: URL }
  | { readonly kind: 'socket', readonly path: string }

const EXPECTED = 'expected an address such as http://127.0.0.1:9464 or 127.0.0.1:9464, or the path of a Unix socket'
const PORT = /^\d{1,5}$/
const HOST_AND_PORT = /^(?:[\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}$/
const SOCKET = 'unix:'

/**
 * Reads the address of a monitor: as its record tells it (`http://…`, `unix:/…`), or shorter: host and port, a port of this machine, or
 * the path of a socket.
 *
 * @throws UsageError
 */
export function parseMonitorAddress (text: string): MonitorAddress {
  if (text.startsWith(SOCKET)) return { kind: 'socket', path: resolve(text.slice(SOCKET.length)) }
  if (PORT.test(text)) return urlOf(`http://127.0.0.1:${text}`)
  if (HOST_AND_PORT.test(text)) return urlOf(`http://${text}`)
  if (/^https?:\/\//.test(text)) return urlOf(text)
  if (isAbsolute(text) || (/[/\\]|\.sock$/.test(text) && !text.includes('://'))) return { kind: 'socket', path: resolve(text) }
  throw new UsageError(`top: ${EXPECTED}, got ${JSON.stringify(text)}`)
}

/** The address as people read it, without credentials. */
export function showMonitorAddress (address: MonitorAddress): string {
  return address.kind === 'socket' ? `unix:${address.path}` : address.url.origin
}

function urlOf (text: string): MonitorAddress {
  if (!URL.canParse(text)) throw new UsageError(`top: ${EXPECTED}, got ${JSON.stringify(text)}`)
  return { kind: 'url', url: new URL(text) }
}
