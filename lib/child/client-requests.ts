import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { errorMonitor } from 'node:events'
import { Agent, type ClientRequest, type IncomingMessage } from 'node:http'

/** Callbacks of {@link ClientRequests}. A request is known by its object. */
export interface ClientRequestEvents {
  onCreated (request: object): void
  onAnswered (request: object, status: number): void
  /** The request failed or was aborted. No answer will come. */
  onFailed (request: object, error: unknown): void
  /** A connection for requests failed. */
  onUnconnected (error: unknown): void
  /** This socket carries requests. */
  onSocket (socket: object): void
}

type AddRequest = (this: Agent, request: ClientRequest, ...rest: unknown[]) => void

/** The first version of Node.js with the channel `http.client.request.created`. */
const TELLS_OF_CREATION = 24

/** Watches every HTTP request of this thread: those of `fetch` and undici, and those of node:http and node:https. */
export class ClientRequests {
  readonly #events: ClientRequestEvents
  readonly #subscriptions: Array<[channel: string, listener: (message: unknown) => void]> = []
  readonly #known = new WeakSet<object>()
  #restoreAgent = (): void => {}

  constructor (events: ClientRequestEvents) {
    this.#events = events
    this.#on<{ request: object }>('undici:request:create', ({ request }) => events.onCreated(request))
    this.#on<{ request: object, response: { statusCode: number } }>('undici:request:headers', ({ request, response }) => events.onAnswered(request, response.statusCode))
    this.#on<{ request: object, error: unknown }>('undici:request:error', ({ request, error }) => events.onFailed(request, error))
    this.#on<{ error: unknown }>('undici:client:connectError', ({ error }) => events.onUnconnected(error))
    this.#on<{ socket: object }>('undici:client:connected', ({ socket }) => events.onSocket(socket))
    // `start` comes when the body has been sent. That is late if the agent lets the request wait for a socket, or if the body
    // is compressed first.
    for (const name of ['created', 'start']) this.#on<{ request: ClientRequest }>(`http.client.request.${name}`, ({ request }) => this.#create(request))
    this.#on<{ request: ClientRequest, error: unknown }>('http.client.request.error', ({ request, error }) => {
      this.#create(request)
      events.onFailed(request, error)
    })
    this.#on<{ request: ClientRequest, response: IncomingMessage }>('http.client.response.finish', ({ request, response }) => events.onAnswered(request, response.statusCode ?? 0))
    if (Number.parseInt(process.versions.node) < TELLS_OF_CREATION) this.#watchAgents()
  }

  /** Stops watching. */
  close (): void {
    for (const [channel, listener] of this.#subscriptions) unsubscribe(channel, listener)
    this.#restoreAgent()
  }

  #on<Message> (channel: string, listener: (message: Message) => void): void {
    const guarded = (message: unknown): void => {
      try {
        listener(message as Message)
      } catch {
        // A channel with other contents in a future Node.js must not make the sink's own code throw, which calls this.
      }
    }
    subscribe(channel, guarded)
    this.#subscriptions.push([channel, guarded])
  }

  #create (request: ClientRequest): void {
    if (this.#known.has(request)) return
    this.#known.add(request)
    this.#events.onCreated(request)
    request.once('socket', socket => this.#events.onSocket(socket))
    // Node.js 20 has no channel for errors. An errorMonitor listener does not change what an error without a listener does.
    ;(request as NodeJS.EventEmitter).on(errorMonitor, (error: Error) => this.#events.onFailed(request, error))
    request.once('close', () => this.#events.onFailed(request, new Error('the request closed without an answer')))
  }

  /** Watches the agents: each request is handed to its agent in its constructor. */
  #watchAgents (): void {
    const agents = Agent.prototype as unknown as { addRequest: AddRequest }
    const { addRequest } = agents
    const onRequest = (request: ClientRequest): void => {
      try {
        this.#create(request)
      } catch {
        // As in `#on`.
      }
    }
    agents.addRequest = function (request, ...rest) {
      onRequest(request)
      addRequest.call(this, request, ...rest)
    }
    this.#restoreAgent = () => { agents.addRequest = addRequest }
  }
}
