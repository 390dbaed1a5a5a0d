import split from 'split2'
import type { Transform } from 'node:stream'
import type { Content } from './encode.js'

/** What a {@link Splitter} finds. */
export interface SplitterEvents {
  /** Whole lines, each with its newline: these parts one after the other, good until this returns. */
  onLines (parts: readonly Content[]): void
  /** A line that was longer than `maxLineBytes` and was left out. */
  onTooLong (): void
}

/**
 * pino's ThreadStream hands over up to 4 MiB at once when it has fallen behind. Joined with the rest of a line, cut and
 * encoded as a whole, that is four times as much garbage of the kind that V8 is slow to collect.
 */
const PIECE_LENGTH = 128 * 1024

/**
 * Chunks in, whole lines out, before `write` returns. What stands between the first and the last newline of a chunk is
 * handed on as it is. Only the line that is cut by its edges goes through split2: joined with a whole chunk, it would
 * make V8 copy all of that.
 */
export class Splitter {
  readonly #stream: Transform
  readonly #events: SplitterEvents
  readonly #found: Content[] = []
  /** Whether split2 has the beginning of a line. */
  #isMidLine = false

  constructor (maxLineBytes: number, events: SplitterEvents) {
    this.#events = events
    const matcher = new NewlineAtEnd()
    const stream = split(matcher as unknown as RegExp, (lines: string) => {
      // A last line that lacks its newline comes only at the end; a sink is given whole lines there too.
      if (lines !== '') this.#found.push(lines.endsWith('\n') ? lines : `${lines}\n`)
    }, { maxLength: maxLineBytes, skipOverflow: true, decodeStrings: false } as split.Options)
    matcher.stream = stream as Overflowing
    matcher.onSkipped = () => events.onTooLong()
    // The mapper hands lines on itself and pushes nothing: without a reader, `end` would never come.
    stream.resume()
    this.#stream = stream
  }

  /** Takes a chunk of any size and shape; a text or UTF-8, cut wherever it may be. */
  write (chunk: Content): void {
    for (let at = 0; at < chunk.length; at += PIECE_LENGTH) {
      this.#split(chunk.length <= PIECE_LENGTH ? chunk : slice(chunk, at, at + PIECE_LENGTH))
      this.#handOn()
    }
  }

  /** Hands on a last line that has no newline. */
  async end (): Promise<void> {
    const overflowing = (this.#stream as Overflowing).overflow
    await new Promise<void>(resolve => {
      this.#stream.once('end', resolve)
      if (overflowing) this.#stream.destroy().once('close', resolve)
      else this.#stream.end()
    })
    this.#handOn()
    if (overflowing) this.#events.onTooLong()
  }

  #split (piece: Content): void {
    let from = 0
    if (this.#isMidLine) {
      from = piece.indexOf('\n') + 1
      this.#stream.write(from === 0 ? piece : slice(piece, 0, from))
      if (from === 0) return
    }
    const to = piece.lastIndexOf('\n') + 1
    if (to > from) this.#found.push(slice(piece, from, to))
    this.#isMidLine = to < piece.length
    if (this.#isMidLine) this.#stream.write(slice(piece, to, piece.length))
  }

  #handOn (): void {
    if (this.#found.length > 0) this.#events.onLines(this.#found)
    this.#found.length = 0
  }
}

function slice (content: Content, from: number, to: number): Content {
  return typeof content === 'string' ? content.slice(from, to) : content.subarray(from, to)
}

/** What split2 keeps on its stream, beside what its types tell. */
type Overflowing = Transform & { overflow: boolean }

/**
 * What split2 calls to cut a text: it gets one newline at most, at the end. While split2 skips a line that is too long it
 * discards the first piece, which is the end of that line.
 */
class NewlineAtEnd {
  stream: Overflowing | undefined
  onSkipped: (() => void) | undefined

  [Symbol.split] (text: string): string[] {
    if (!text.endsWith('\n')) return [text]
    if (this.stream?.overflow === true) this.onSkipped?.()
    return [text, '']
  }
}
