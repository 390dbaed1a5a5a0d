import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { errorMonitor } from 'node:events'
import { Agent, type ClientRequest, type IncomingMessage } from 'node:http'

/** What is told of the HTTP requests of a thread. A request is known by its object. */
export interface ClientRequestEvents {
  onCreated (request: object): void
  onAnswered (request: object, status: number): void
  /** It failed, or was given up, and there is no answer to come. */
  onFailed (request: object, error: unknown): void
  /** A connection for requests could not be made. */
  onUnconnected (error: unknown): void
  /** This socket is one that carries requests. */
  onSocket (socket: object): void
}

type AddRequest = (this: Agent, request: ClientRequest, ...rest: unknown[]) => void

/** Since when node:http tells of a request as it is created (`http.client.request.created`). */
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
    // `start` comes when the body has been sent, which may be long after: where its agent lets it wait for a socket, or
    // its body is compressed first.
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
        // A change in what a channel carries must not reach the sink's own code, which runs below this call.
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
    // The channel for errors is younger than Node.js 20; this one does not change what an error without a listener does.
    ;(request as NodeJS.EventEmitter).on(errorMonitor, (error: Error) => this.#events.onFailed(request, error))
    request.once('close', () => this.#events.onFailed(request, new Error('the request was given up')))
  }

  /** Every request is handed to its agent in its constructor. */
  #watchAgents (): void {
    const agents = Agent.prototype as unknown as { addRequest: AddRequest }
    const { addRequest } = agents
    const onRequest = (request: ClientRequest): void => {
      try {
        this.#create(request)
      } catch {
        // As with the channels.
      }
    }
    agents.addRequest = function (request, ...rest) {
      onRequest(request)
      addRequest.call(this, request, ...rest)
    }
    this.#restoreAgent = () => { agents.addRequest = addRequest }
  }
}
