import { subscribe } from 'node:diagnostics_channel'

let seen = false
let datagrams = false
let watching = false

/** Starts to watch this thread for network sockets. */
export function watchSockets (): void {
  if (watching) return
  watching = true
  const onSocket = (): void => { seen = true }
  subscribe('net.client.socket', onSocket)
  subscribe('udp.socket', () => {
    onSocket()
    datagrams = true
  })
}

/** True if this thread has opened a network socket since {@link watchSockets}. */
export function hasOpenedSockets (): boolean {
  return seen
}

/** True if this thread has opened a socket for datagrams since {@link watchSockets}. */
export function hasOpenedDatagramSockets (): boolean {
  return datagrams
}
