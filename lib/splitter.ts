import split from 'split2'
import type { Transform } from 'node:stream'

/** What a {@link Splitter} finds. */
export interface SplitterEvents {
  /** Whole lines, each with its newline, as one text. */
  onLines (text: string): void
  /** A line that was longer than `maxLineBytes` and was left out. */
  onTooLong (): void
}

/**
 * pino's ThreadStream hands over up to 4 MiB at once when it has fallen behind. Joined with the rest of a line, cut and
 * encoded as a whole, that is four times as much garbage of the kind that V8 is slow to collect.
 */
const PIECE_LENGTH = 128 * 1024

/**
 * Chunks in, whole lines out: split2 with a matcher that cuts at the last newline only, so that lines travel by the
 * batch. What is found is handed on before `write` returns.
 */
export class Splitter {
  readonly #stream: Transform
  readonly #events: SplitterEvents

  constructor (maxLineBytes: number, events: SplitterEvents) {
    this.#events = events
    const matcher = new LastNewline()
    const stream = split(matcher as unknown as RegExp, (lines: string) => {
      // A last line that lacks its newline comes only at the end; a sink is given whole lines there too.
      if (lines !== '') events.onLines(lines.endsWith('\n') ? lines : `${lines}\n`)
    }, { maxLength: maxLineBytes, skipOverflow: true, decodeStrings: false } as split.Options)
    matcher.stream = stream as Overflowing
    matcher.onSkipped = () => events.onTooLong()
    // The mapper hands lines on itself and pushes nothing: without a reader, `end` would never come.
    stream.resume()
    this.#stream = stream
  }

  /** Takes a chunk of any size and shape; a text or UTF-8, cut wherever it may be. */
  write (chunk: string | Buffer): void {
    for (let at = 0; at < chunk.length; at += PIECE_LENGTH) {
      this.#stream.write(chunk.length <= PIECE_LENGTH ? chunk : chunk.slice(at, at + PIECE_LENGTH))
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
    if (overflowing) this.#events.onTooLong()
  }
}

/** What split2 keeps on its stream, beside what its types tell. */
type Overflowing = Transform & { overflow: boolean }

/**
 * What split2 calls to cut a text: everything up to the last newline, and the rest. While split2 skips a line that is
 * too long it discards the first piece, which must then be the end of that line alone.
 */
class LastNewline {
  stream: Overflowing | undefined
  onSkipped: (() => void) | undefined

  [Symbol.split] (text: string): string[] {
    const last = text.lastIndexOf('\n') + 1
    if (last === 0) return [text]
    const rest = text.slice(last)
    if (this.stream?.overflow !== true) return [text.slice(0, last), rest]

    this.onSkipped?.()
    const first = text.indexOf('\n') + 1
    return [text.slice(0, first), text.slice(first, last), rest]
  }
}
