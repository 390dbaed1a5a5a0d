import { EventEmitter } from 'node:events'
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import { ChannelClient, type TransportStream } from '#lib/app-channel/channel-client'
import type { ChannelOffer } from '#lib/app-channel/messages'
import type { ControlListener, Controls } from '#lib/controls'
import type { FanoutSnapshot } from '#lib/metrics'
import { freshSink, snapshotOf } from './snapshots.js'

/** A transport whose calls are recorded. */
export class FakeControls implements Controls {
  readonly calls: unknown[][] = []
  readonly listeners = new Set<ControlListener>()
  last: FanoutSnapshot = snapshotOf(freshSink('loki'))
  /** What the next actions do. */
  onAct: () => Promise<void> = async () => {}
  onSetLevel: () => void = () => {}

  snapshot (): FanoutSnapshot {
    this.calls.push(['snapshot'])
    return this.last
  }

  async act (...args: Parameters<Controls['act']>): Promise<void> {
    this.calls.push(['act', ...args])
    await this.onAct()
  }

  async reopenFiles (): Promise<string[]> {
    this.calls.push(['reopenFiles'])
    return ['app.log']
  }

  setLevel (...args: Parameters<Controls['setLevel']>): void {
    this.calls.push(['setLevel', ...args])
    this.onSetLevel()
  }

  listen (listener: ControlListener): () => void {
    this.listeners.add(listener)
    return () => { this.listeners.delete(listener) }
  }

  /** Ends as `FanoutStream` does. */
  end (snapshot: FanoutSnapshot = { ...this.last, hasEnded: true }): void {
    this.last = snapshot
    for (const listener of this.listeners) listener.onEnd?.(snapshot)
    this.listeners.clear()
  }
}

/** Stands for a `ThreadStream`: it keeps the ports that are offered, as a thread does that has not turned yet. */
export class FakeTransport extends EventEmitter implements TransportStream {
  ready = true
  destroyed = false
  writableErrored: unknown = null
  readonly offered: MessagePort[] = []

  constructor () {
    super()
    this.on('message', ({ port }: ChannelOffer) => { this.offered.push(port as MessagePort) })
  }

  becomeReady (): void {
    this.ready = true
    this.emit('ready')
  }

  close (error: unknown = null): void {
    this.destroyed = true
    this.writableErrored = error
    this.emit('close')
  }

  flushSync (): void {}
}

/** What a client was told. */
export interface Told {
  transitions: unknown[]
  notices: unknown[]
  ends: unknown[]
}

/** A client of a transport, and what it was told. */
export function openClient (transport: FakeTransport, timeoutMs = 20000): { client: ChannelClient, told: Told } {
  const told: Told = { transitions: [], notices: [], ends: [] }
  const client = new ChannelClient(transport, {
    onTransition: event => told.transitions.push(event),
    onNotice: notice => told.notices.push(notice),
    onEnd: snapshot => told.ends.push(snapshot)
  }, timeoutMs)
  return { client, told }
}

/** All messages that have come to a port. */
export function received (port: MessagePort): unknown[] {
  const messages = []
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) messages.push((next as { message: unknown }).message)
  return messages
}

/** Stops this thread: timers become due, and messages come, but nothing is handled. */
export function block (ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** The code of the error with which a promise rejects, or the error without one. */
export async function codeOf (promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(() => 'resolved', (error: { code?: unknown }) => error.code ?? error)
}
