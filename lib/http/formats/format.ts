import type { RefusedLine, Remark } from '../../child/rejection.js'
import type { PinoConfig } from '../../pino-config.js'
import type { BatchPart } from '../batch-part.js'
import type { BodyWriter } from '../body-writer.js'

/** The lines that an answer says have not arrived. All others have arrived. */
export interface LineOutcomes {
  refused: readonly RefusedLine[]
  /** Lines that the backend had no room for, by their index in the batch. */
  retry: readonly number[]
  /** The status and the reason for the first line in `retry`. */
  retryReason?: { status: number, reason: string }
  /** A remark of the backend about the request as a whole. */
  remark?: Remark
}

/** The lines that the refusal of a request is about. All others have arrived. */
export interface RequestRefusal extends Pick<LineOutcomes, 'refused'> {
  /** Places in the part, fewer than all, of lines whose outcome the answer does not give. They are sent again by themselves. */
  untold: readonly number[]
}

/** Encodes requests for a kind of backend, and reads its answers. */
export interface Format {
  readonly contentType: string
  /** The path if the URL has none. */
  readonly defaultPath: string
  /** Parameters that are added to the query of the URL, unless it has them. */
  readonly query?: Readonly<Record<string, string>>
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** Takes the config of the app's logger, once, before the first lines. Missing if the format needs nothing of it. */
  configure? (config: PinoConfig): void
  /** Writes the body of a request into an empty writer. */
  encode (part: BatchPart, body: BodyWriter): void
  /** Whether the body is the lines as they are. Then `encode` is not called. */
  readonly isPlain?: boolean
  /**
   * Reads the outcomes of single lines from an answer with a status of success. Missing if such a status means that all
   * lines have arrived.
   *
   * @throws Error if the body is not an answer of this kind of backend
   */
  readOutcomes? (part: BatchPart, body: string): LineOutcomes
  /**
   * Reads which lines a backend has refused for good from an answer that refuses the request. Returns `undefined` if the
   * answer does not say. Missing if the backend takes either all lines of a request or none.
   */
  readRefusal? (part: BatchPart, status: number, body: string): RequestRefusal | undefined
  /** Whether an answer that refuses the request would refuse any other request, too. */
  isAboutAll? (body: string): boolean
}
