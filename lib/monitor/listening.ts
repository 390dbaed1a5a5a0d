import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import { connect, type AddressInfo, type ListenOptions, type Server } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { MonitorAddress } from '../fanout-transport.js'
import { isLoopback, type MonitorPlace } from '../options/monitor.js'

/** Only the user of this process may connect. */
const SOCKET_MODE = 0o600

/**
 * Lets a server listen.
 *
 * @returns The address that it is reached by
 * @throws the system's error if it cannot, such as EADDRINUSE. The server is to be closed then
 */
export async function listenAt (server: Server, place: MonitorPlace): Promise<MonitorAddress> {
  if (place.kind === 'socket') {
    await listenOnSocket(server, place.path)
    return { address: `unix:${place.path}` }
  }
  await listenOnPort(server, place)
  const { address, family, port } = server.address() as AddressInfo
  // Who asks for `localhost` without a token must not get what a name server says of it.
  if (place.isLoopback && !isLoopback(address)) throw new Error(`other machines can reach ${place.host}: its address is ${address}`)
  return { address: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`, port }
}

async function listenOnPort (server: Server, { host, from, to }: MonitorPlace & { kind: 'port' }): Promise<void> {
  for (let port = from; ; port++) {
    try {
      return await listen(server, { host, port })
    } catch (error) {
      if (!isTaken(error) || from === to) throw error
      if (port === to) throw Object.assign(new Error(`every port from ${from} to ${to} of ${host} is in use`, { cause: error }), { code: 'EADDRINUSE' })
    }
    await nextTurn()
  }
}

async function listenOnSocket (server: Server, path: string): Promise<void> {
  try {
    return await listen(server, { path })
  } catch (error) {
    if (!isTaken(error) || !await removeStaleSocket(path)) throw error
  }
  await listen(server, { path })
}

async function listen (server: Server, where: Pick<ListenOptions, 'host' | 'port' | 'path'>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onListening = (): void => {
      server.off('error', onError)
      resolve()
    }
    const onError = (error: Error): void => {
      server.off('listening', onListening)
      reject(error)
    }
    server.once('listening', onListening).once('error', onError)
    // In a process of a cluster the primary would listen otherwise, and the requests of all processes would be mixed.
    server.listen({ ...where, exclusive: true })
    // At once, and not on `listening`: nobody else may connect first.
    if (where.path !== undefined && server.listening && process.platform !== 'win32') chmodSync(where.path, SOCKET_MODE)
  })
}

/** Removes the socket of a process that has died. Returns false if somebody answers there, or if it is something else. */
async function removeStaleSocket (path: string): Promise<boolean> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return true
  if (!found.isSocket() || await answers(path)) return false
  // Another process may have replaced it meanwhile, in the same way.
  const now = lstatSync(path, { throwIfNoEntry: false })
  if (now === undefined) return true
  if (now.ino !== found.ino || now.dev !== found.dev) return false
  unlinkSync(path)
  return true
}

async function answers (path: string): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // Only the system itself refuses, if nobody listens. Any other error says nothing about the listener.
    socket.once('error', error => resolve((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED'))
  })
}

function isTaken (error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
}
