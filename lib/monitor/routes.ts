import type { IncomingMessage } from 'node:http'
import type { Controls, SinkAction } from '../controls.js'
import { sinkActions } from '../controls.js'
import type { SinkSnapshot } from '../metrics.js'
import type { Access } from './access.js'
import { page } from './page/page.js'
import { readBody } from './request-body.js'
import { RequestError } from './request-error.js'

/** The answer to a request. */
export interface Answer {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

/** The answer to a request for events, which has no end. */
export const EVENTS = Symbol('events')

/** Dependencies of {@link Routes}. */
export interface RoutesDeps {
  controls: Controls
  access: Access
  actions: boolean
  /** True until the transport is asked to end. */
  takesLines: () => boolean
  /** A snapshot as JSON, at most a moment old. */
  snapshot: () => string
  /** The metrics in a form that this header `Accept` admits. Rejects if they cannot be made. */
  metrics: (accept: string | undefined) => Promise<{ contentType: string, body: string }>
  /** Called after each action. */
  onAction: () => void
}

type Handler = (request: IncomingMessage) => Answer | typeof EVENTS | Promise<Answer>

interface Route {
  readonly methods: readonly string[]
  readonly isPublic?: boolean
  readonly handle: Handler
}

const READ = ['GET', 'HEAD']
const ACT = ['POST']
/** The name of a sink may have slashes in it, also without being encoded. */
const SINK_PATH = /^\/sinks\/(.+)\/([a-z]+)$/

/** Finds the answer to each request, by its path and method. */
export class Routes {
  readonly #deps: RoutesDeps
  readonly #fixed: ReadonlyMap<string, Route>

  constructor (deps: RoutesDeps) {
    this.#deps = deps
    this.#fixed = new Map<string, Route>(Object.entries({
      '/': { methods: READ, handle: () => ({ status: 200, headers: page.headers, body: page.html }) },
      '/metrics': { methods: READ, handle: request => this.#metrics(request) },
      '/healthz': { methods: READ, isPublic: true, handle: request => this.#health(request) },
      '/snapshot.json': { methods: READ, handle: () => json(200, deps.snapshot()) },
      '/events': { methods: READ, handle: () => EVENTS },
      '/level': { methods: ACT, handle: request => this.#setLevel(request) },
      '/reopen': { methods: ACT, handle: request => this.#reopenFiles(request) }
    } satisfies Record<string, Route>))
  }

  /** @throws {@link RequestError} for a request that is refused; the error of an action that failed */
  async answer (request: IncomingMessage): Promise<Answer | typeof EVENTS> {
    const { access, actions } = this.#deps
    access.checkSource(request)
    const route = this.#find(pathOf(request))
    if (route?.isPublic !== true) access.demandToken(request)
    if (route === undefined) throw new RequestError(404, 'not-found', 'there is no such path')
    if (!route.methods.includes(request.method ?? '')) {
      throw new RequestError(405, 'method-not-allowed', `expected the method ${route.methods.join(' or ')}`, { allow: route.methods.join(', ') })
    }
    if (route.methods === ACT && !actions) throw new RequestError(403, 'actions-off', 'actions are off: the option monitor.actions turns them on')
    return await route.handle(request)
  }

  #find (path: string): Route | undefined {
    const fixed = this.#fixed.get(path)
    if (fixed !== undefined) return fixed
    const [, encoded, verb] = SINK_PATH.exec(path) ?? []
    const sink = encoded === undefined ? undefined : decode(encoded)
    if (sink === undefined) return undefined
    if (verb === 'level') return { methods: ACT, handle: request => this.#setLevel(request, sink) }
    const action = sinkActions.find(action => action === verb)
    return action && { methods: ACT, handle: request => this.#act(request, action, sink) }
  }

  async #metrics ({ headers: { accept } }: IncomingMessage): Promise<Answer> {
    try {
      const { contentType, body } = await this.#deps.metrics(accept)
      return { status: 200, headers: { 'content-type': contentType }, body }
    } catch (error) {
      throw new RequestError(501, 'no-metrics', (error as Error).message)
    }
  }

  /** The health of the transport. That of its sinks only if the request asks for it: no orchestrator should restart an app for a sink. */
  #health (request: IncomingMessage): Answer {
    if (!this.#deps.takesLines()) return json(503, '{"status":"ended"}')
    if (!new URLSearchParams(queryOf(request)).has('sinks')) return json(200, '{"status":"ok"}')
    const notClosed = this.#deps.controls.snapshot().sinks.filter(({ state }) => state !== 'closed')
    if (notClosed.length === 0) return json(200, '{"status":"ok"}')
    // Names of sinks are for those with the token.
    const sinks = this.#deps.access.admits(request) ? { sinks: notClosed.map(({ name, state }) => ({ name, state })) } : {}
    return json(503, JSON.stringify({ status: 'degraded', ...sinks }))
  }

  async #act (request: IncomingMessage, action: SinkAction, sink: string): Promise<Answer> {
    await readBody(request)
    await this.#deps.controls.act(action, sink)
    return this.#done({ sink: this.#sinks([sink])[0] })
  }

  async #setLevel (request: IncomingMessage, sink?: string): Promise<Answer> {
    this.#deps.controls.setLevel(levelIn(await readBody(request)), sink)
    return this.#done(sink === undefined ? { sinks: this.#sinks() } : { sink: this.#sinks([sink])[0] })
  }

  async #reopenFiles (request: IncomingMessage): Promise<Answer> {
    await readBody(request)
    return this.#done({ sinks: this.#sinks(await this.#deps.controls.reopenFiles()) })
  }

  #done (body: { sink: SinkSnapshot | undefined } | { sinks: SinkSnapshot[] }): Answer {
    this.#deps.onAction()
    return json(200, JSON.stringify(body))
  }

  #sinks (names?: readonly string[]): SinkSnapshot[] {
    const { sinks } = this.#deps.controls.snapshot()
    return names === undefined ? sinks : sinks.filter(({ name }) => names.includes(name))
  }
}

/** An answer with a body of JSON. */
export function json (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body }
}

function levelIn (body: string): number | string {
  let level: unknown
  try {
    level = (JSON.parse(body) as { level?: unknown } | null)?.level
  } catch {
    throw new RequestError(400, 'bad-body', 'expected JSON: {"level":"debug"}')
  }
  if (typeof level === 'number' || typeof level === 'string') return level
  throw new RequestError(400, 'bad-body', 'expected the number or the label of a level: {"level":"debug"}')
}

function pathOf ({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] as string
}

function queryOf ({ url = '' }: IncomingMessage): string {
  return url.slice(pathOf({ url } as IncomingMessage).length)
}

function decode (encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}
