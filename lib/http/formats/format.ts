import type { RefusedLine } from '../../child/rejection.js'
import type { Part } from '../part.js'

/** What an answer says of single lines; all others have arrived. */
export interface LineOutcomes {
  refused: readonly RefusedLine[]
  /** Lines, by their index in the batch, that the backend had no room for. */
  retry: readonly number[]
  /** Why the first of those, and with which status. */
  retryReason?: { status: number, reason: string }
}

/** What a refusal says of single lines; all others have arrived. */
export interface Refusal extends Pick<LineOutcomes, 'refused'> {
  /** The places within the part, fewer than all, of lines that it leaves open: they are sent again by themselves. */
  untold: readonly number[]
}

/** A kind of backend: what it is sent, and what its answer says. */
export interface Format<Body extends string | Buffer = string | Buffer> {
  readonly contentType: string
  /** The path for a URL that has none. */
  readonly defaultPath: string
  /** What is added to the query of the URL, if it does not have it already. */
  readonly query?: Readonly<Record<string, string>>
  /** The body of a request. */
  encode (part: Part): Body
  /**
   * What the body of an answer with a status of success says of single lines; not there where the status says it all.
   *
   * @throws Error if it is not such an answer
   */
  readOutcomes? (part: Part, body: string): LineOutcomes
  /**
   * What the body of an answer that refuses a request for good says of single lines; `undefined` if it says nothing of
   * them. Not there for a backend that takes all lines of a request or none.
   */
  readRefusal? (part: Part, status: number, body: string): Refusal | undefined
}
