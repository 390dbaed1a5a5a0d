import split from 'split2'
import type { Transform } from 'node:stream'
import type { Content } from './encode.js'

/** Callbacks of a {@link Splitter}. */
export interface SplitterEvents {
  /** Whole lines, each with its newline, in consecutive parts. The array is reused once this has returned. */
  onLines (parts: readonly Content[]): void
  /** A line was longer than `maxLineBytes` and was skipped. */
  onTooLong (): void
}

/**
 * Turns chunks into whole lines, before `write` returns. The lines between the first and the last newline of a chunk are handed
 * on as they are. Only the line that is cut by the edges of a chunk goes through split2. To join that line with a whole chunk
 * would make V8 copy the chunk.
 */
export class Splitter {
  readonly #stream: Transform
  readonly #events: SplitterEvents
  readonly #found: Content[] = []
  /** True while split2 has the beginning of a line. */
  #isMidLine = false

  constructor (maxLineBytes: number, events: SplitterEvents) {
    this.#events = events
    const matcher = new NewlineAtEnd()
    const stream = split(matcher as unknown as RegExp, (lines: string) => {
      // Only the very last line can lack its newline. A sink gets whole lines there too.
      if (lines !== '') this.#found.push(lines.endsWith('\n') ? lines : `${lines}\n`)
    }, { maxLength: maxLineBytes, skipOverflow: true, decodeStrings: false } as split.Options)
    matcher.stream = stream as Overflowing
    matcher.onSkipped = () => events.onTooLong()
    // The mapper hands lines on itself and pushes nothing. Without a reader, `end` would never come.
    stream.resume()
    this.#stream = stream
  }

  /** Takes a chunk of any size, as text or UTF-8, which may begin and end anywhere in a line. */
  write (chunk: Content): void {
    this.#split(chunk)
    this.#handOn()
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

  #split (chunk: Content): void {
    let from = 0
    if (this.#isMidLine) {
      from = chunk.indexOf('\n') + 1
      this.#stream.write(from === 0 ? chunk : slice(chunk, 0, from))
      if (from === 0) return
    }
    const to = chunk.lastIndexOf('\n') + 1
    if (to > from) this.#found.push(slice(chunk, from, to))
    this.#isMidLine = to < chunk.length
    if (this.#isMidLine) this.#stream.write(slice(chunk, to, chunk.length))
  }

  #handOn (): void {
    if (this.#found.length > 0) this.#events.onLines(this.#found)
    this.#found.length = 0
  }
}

function slice (content: Content, from: number, to: number): Content {
  return typeof content === 'string' ? content.slice(from, to) : content.subarray(from, to)
}

/** The stream of split2, with a property that its types lack. */
type Overflowing = Transform & { overflow: boolean }

/**
 * The matcher by which split2 cuts a text, which has one newline at most, at its end. While split2 skips a line that is too
 * long, it discards the first piece, which is the end of that line.
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
