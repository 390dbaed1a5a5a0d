import type { MonitorHistory, Notice, MonitorSnapshot, TransitionEvent } from './messages.js'

/** Without a word for so long, a connection is taken for lost. The server sends something each second. */
const SILENCE_MS = 6000
const FIRST_RETRY_MS = 1000
const MAX_RETRY_MS = 15_000
/** How often the page looks for a new start of a transport that has ended. */
const ENDED_RETRY_MS = 5000

/** How the page is connected. */
export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** Both times are the page's own: `performance.now()`. */
  | { readonly kind: 'lost', readonly retryAt: number }
  | { readonly kind: 'refused', readonly status: number }

/** Who is told what the server sends. */
export interface StreamListener {
  onHistory (history: MonitorHistory): void
  onSnapshot (snapshot: MonitorSnapshot): void
  onTransition (event: TransitionEvent): void
  onNotice (notice: Notice): void
  onEnd (snapshot: MonitorSnapshot): void
  onConnection (connection: Connection): void
}

/** The server-sent events. It connects again by itself, more and more rarely, until the server is back. */
export class Stream {
  readonly #url: string
  readonly #snapshotUrl: string
  readonly #listener: StreamListener
  #source: EventSource | undefined
  #retry: ReturnType<typeof setTimeout> | undefined
  #silence: ReturnType<typeof setTimeout> | undefined
  #retryMs = FIRST_RETRY_MS
  #hasEnded = false

  /**
   * @param url - Of the events
   * @param snapshotUrl - Of a resource that is refused for the same reasons
   */
  constructor (url: string, snapshotUrl: string, listener: StreamListener) {
    this.#url = url
    this.#snapshotUrl = snapshotUrl
    this.#listener = listener
  }

  /** Connects at once, also if it was about to wait. */
  connect (): void {
    this.#disconnect()
    const source = this.#source = new EventSource(this.#url)
    this.#listener.onConnection({ kind: 'connecting' })
    this.#expectWord()
    this.#on('history', this.#listener.onHistory)
    this.#on<MonitorSnapshot>('snapshot', snapshot => {
      this.#retryMs = FIRST_RETRY_MS
      this.#hasEnded = snapshot.hasEnded
      this.#listener.onConnection({ kind: 'live' })
      this.#listener.onSnapshot(snapshot)
    })
    this.#on('transition', this.#listener.onTransition)
    this.#on('notice', this.#listener.onNotice)
    this.#on<MonitorSnapshot>('end', snapshot => {
      this.#hasEnded = true
      this.#listener.onEnd(snapshot)
    })
    source.onerror = () => this.#lose()
  }

  /** Connects at once if the connection is lost. */
  retryNow (): void {
    if (this.#source === undefined) this.connect()
  }

  #on<Data> (name: string, take: (data: Data) => void): void {
    this.#source?.addEventListener(name, event => {
      this.#expectWord()
      take.call(this.#listener, JSON.parse((event as MessageEvent<string>).data) as Data)
    })
  }

  #expectWord (): void {
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => this.#lose(), SILENCE_MS)
  }

  #lose (): void {
    this.#disconnect()
    const waitMs = this.#hasEnded ? ENDED_RETRY_MS : this.#retryMs
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2)
    this.#retry = setTimeout(() => this.connect(), waitMs)
    this.#listener.onConnection({ kind: 'lost', retryAt: performance.now() + waitMs })
    if (!this.#hasEnded) this.#askWhy()
  }

  /** An EventSource does not tell the status by which it was refused. An answer to the same question by fetch does. */
  #askWhy (): void {
    const retry = this.#retry
    fetch(this.#snapshotUrl, { cache: 'no-store' }).then(({ status }) => {
      if (status !== 401 && status !== 403) return
      // It may have connected meanwhile.
      if (retry !== this.#retry || this.#source !== undefined) return
      clearTimeout(retry)
      this.#listener.onConnection({ kind: 'refused', status })
    }, () => {})
  }

  #disconnect (): void {
    clearTimeout(this.#retry)
    clearTimeout(this.#silence)
    this.#source?.close()
    this.#source = undefined
  }
}
