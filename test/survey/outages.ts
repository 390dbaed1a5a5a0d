import type { BackendMode } from './backend.js'

/** What befalls a backend. */
export interface Outage {
  readonly name: string
  /** What the backend does while it lasts. */
  readonly mode: BackendMode
  /** Whether it is so from the start, and not only once lines have arrived. */
  readonly fromStart: boolean
  /** What names the true cause: a reason, the code or the type of an error, or its words. */
  readonly causes: readonly string[]
}

// A peer that closes in good order leaves no code: then that it did so is the cause.
const connectionLost = ['closed-early', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'MongoNetworkError', 'ended by the other party']

/** What is done to the backend of a transport, by the name that the tables give it. */
export const outages = {
  absent: { name: 'absent from the start', mode: 'gone', fromStart: true, causes: ['ECONNREFUSED'] },
  refused: { name: 'gone midway', mode: 'gone', fromStart: false, causes: connectionLost },
  reset: { name: 'resets', mode: 'reset', fromStart: false, causes: connectionLost },
  'black-hole': { name: 'takes, never answers', mode: 'black hole', fromStart: false, causes: ['write-timeout'] },
  503: { name: '503', mode: 503, fromStart: false, causes: ['http-503'] },
  429: { name: '429', mode: 429, fromStart: false, causes: ['http-429'] },
  401: { name: '401', mode: 401, fromStart: false, causes: ['http-401'] },
  full: { name: 'disk full', mode: 'full', fromStart: false, causes: ['ENOSPC'] },
  removed: { name: 'directory removed', mode: 'gone', fromStart: false, causes: ['ENOENT'] }
} satisfies Record<string, Outage>

export type OutageName = keyof typeof outages

export const HTTP_OUTAGES: readonly OutageName[] = ['absent', 'refused', 'reset', 'black-hole', 503, 429, 401]
export const TCP_OUTAGES: readonly OutageName[] = ['absent', 'refused', 'reset', 'black-hole']
