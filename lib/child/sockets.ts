import { subscribe } from 'node:diagnostics_channel'

let seen = false
let watching = false

/** Watches from now on whether this thread opens network sockets. */
export function watchSockets (): void {
  if (watching) return
  watching = true
  const onSocket = (): void => { seen = true }
  subscribe('net.client.socket', onSocket)
  subscribe('udp.socket', onSocket)
}

/** Whether this thread has opened a network socket since {@link watchSockets}. */
export function hasOpenedSockets (): boolean {
  return seen
}
