import type { ServerResponse } from 'node:http'

/** Each reader holds a connection for as long as it likes. */
const MAX_READERS = 32
const SNAPSHOT_INTERVAL_MS = 1000
/** A reader that has taken nothing for so many snapshots is disconnected. A browser connects again by itself. */
const MAX_STALLED_SNAPSHOTS = 10
/** A reader that has not taken so much of transitions and notices is disconnected at once. */
const MAX_UNREAD_BYTES = 1024 * 1024
const RECONNECT_MS = 2000

/** Data of events, as JSON. */
export interface ReadersDeps {
  history: () => string
  snapshot: () => string
}

interface Reader {
  readonly response: ServerResponse
  /** Bytes that were waiting to be sent once its first events had been written. */
  readonly firstBytes: number
  stalledSnapshots: number
}

/**
 * The readers of `/events`: each gets the history and a snapshot at once, then a snapshot each second, and every transition and
 * notice. What a reader has not taken yet is bounded: it gets no snapshot before it has taken the one before.
 */
export class Readers {
  readonly #deps: ReadersDeps
  readonly #readers = new Set<Reader>()
  #timer: NodeJS.Timeout | undefined

  constructor (deps: ReadersDeps) {
    this.#deps = deps
  }

  get count (): number {
    return this.#readers.size
  }

  get isFull (): boolean {
    return this.#readers.size >= MAX_READERS
  }

  /** Writes events to a response, whose head was written, until it is closed. */
  add (response: ServerResponse): void {
    response.write(`retry: ${RECONNECT_MS}\n\n${eventOf('history', this.#deps.history())}${eventOf('snapshot', this.#deps.snapshot())}`)
    const reader: Reader = { response, firstBytes: response.writableLength, stalledSnapshots: 0 }
    this.#readers.add(reader)
    response.once('close', () => this.#remove(reader))
    this.#timer ??= setInterval(() => this.#tick(), SNAPSHOT_INTERVAL_MS).unref()
  }

  /** @param data - Turned into JSON if there is any reader */
  tell (event: 'transition' | 'notice', data: object): void {
    if (this.#readers.size === 0) return
    const text = eventOf(event, JSON.stringify(data))
    for (const reader of this.#readers) {
      if (reader.response.writableLength > reader.firstBytes + MAX_UNREAD_BYTES) this.#disconnect(reader)
      else reader.response.write(text)
    }
  }

  /** Writes the last event, and ends all responses. */
  end (snapshot: string): void {
    clearInterval(this.#timer)
    for (const { response } of this.#readers) response.end(eventOf('end', snapshot))
  }

  #tick (): void {
    const text = eventOf('snapshot', this.#deps.snapshot())
    for (const reader of this.#readers) {
      const { response } = reader
      reader.stalledSnapshots = response.writableNeedDrain ? reader.stalledSnapshots + 1 : 0
      if (reader.stalledSnapshots >= MAX_STALLED_SNAPSHOTS) this.#disconnect(reader)
      else if (reader.stalledSnapshots === 0) response.write(text)
    }
  }

  /** Removes it at once: its response tells of its end later, and what is written until then is an error. */
  #disconnect (reader: Reader): void {
    this.#remove(reader)
    reader.response.destroy()
  }

  #remove (reader: Reader): void {
    this.#readers.delete(reader)
    if (this.#readers.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** An event of a stream of server-sent events. JSON has no line ends of its own. */
function eventOf (name: string, json: string): string {
  return `event: ${name}\ndata: ${json}\n\n`
}
