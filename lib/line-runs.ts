/** The places in consecutive lines where the set of lanes that take them changes. */
export class Cuts {
  readonly bytes: Buffer
  readonly texts: readonly string[]
  readonly #positions: number[] = []
  readonly #lines: number[] = []
  #characters: number[] | undefined

  /** @param texts - The same lines as text, if there is any, in parts that each end with a newline */
  constructor (bytes: Buffer, texts: readonly string[] = []) {
    this.bytes = bytes
    this.texts = texts
  }

  /**
   * Adds a cut. Cuts are added in order.
   *
   * @param position - The byte at which the line after the cut begins
   * @param line - The number of that line
   * @returns The number of the cut
   */
  add (position: number, line: number): number {
    this.#lines.push(line)
    return this.#positions.push(position) - 1
  }

  /** The position of this cut in the bytes. */
  position (cut: number): number {
    return this.#positions[cut] as number
  }

  /** The number of lines before this cut. */
  line (cut: number): number {
    return this.#lines[cut] as number
  }

  /** The position of this cut in the texts. */
  character (cut: number): number {
    this.#characters ??= this.#findCharacters()
    return this.#characters[cut] as number
  }

  /** Runs once for all groups of lanes, and only if a lane takes text. */
  #findCharacters (): number[] {
    const found: number[] = []
    let before = 0
    let line = 0
    for (const text of this.texts) {
      for (let at = 0; at < text.length; line++) {
        if (line === this.#lines[found.length]) found.push(before + at)
        at = text.indexOf('\n', at) + 1
      }
      before += text.length
    }
    found.push(before)
    return found
  }
}

/** The lines that a group of lanes takes, as runs from cut to cut. */
export class LineRuns {
  /** The number of lines in all runs that have ended. */
  count = 0
  readonly #cuts: Cuts
  /** For each run, the cut at which it begins and the cut at which it ends. */
  readonly #runs: number[] = []
  #byteLength = 0

  constructor (cuts: Cuts) {
    this.#cuts = cuts
  }

  begin (cut: number): void {
    this.#runs.push(cut)
  }

  end (cut: number): void {
    const begin = this.#runs[this.#runs.length - 1] as number
    this.#runs.push(cut)
    this.count += this.#cuts.line(cut) - this.#cuts.line(begin)
    this.#byteLength += this.#cuts.position(cut) - this.#cuts.position(begin)
  }

  /** The lines in UTF-8, in memory of their own, which is at most twice as large. */
  copyBytes (): Buffer {
    const from = this.#position(0)
    const to = this.#position(this.#runs.length - 1)
    return this.#byteLength * 2 >= to - from ? this.#copyAll(from, to) : this.#copyRuns()
  }

  /** Copies each run by itself. */
  #copyRuns (): Buffer {
    const own = Buffer.allocUnsafeSlow(this.#byteLength)
    let length = 0
    for (let i = 0; i < this.#runs.length; i += 2) length += this.#cuts.bytes.copy(own, length, this.#position(i), this.#position(i + 1))
    return own
  }

  /** Copies everything at once, then closes the gaps between the runs: each copy from buffer to buffer would make a view of its source. */
  #copyAll (from: number, to: number): Buffer {
    const own = Buffer.allocUnsafeSlow(to - from)
    this.#cuts.bytes.copy(own, 0, from, to)
    let length = this.#position(1) - from
    for (let i = 2; i < this.#runs.length; i += 2) {
      own.copyWithin(length, this.#position(i) - from, this.#position(i + 1) - from)
      length += this.#position(i + 1) - this.#position(i)
    }
    return own.subarray(0, length)
  }

  /** The position in the bytes of a beginning or end of a run. */
  #position (place: number): number {
    return this.#cuts.position(this.#runs[place] as number)
  }

  /** The lines as text. Only while the texts are there. */
  joinText (): string {
    let joined = ''
    for (let i = 0; i < this.#runs.length; i += 2) {
      const from = this.#cuts.character(this.#runs[i] as number)
      const to = this.#cuts.character(this.#runs[i + 1] as number)
      let before = 0
      for (const text of this.#cuts.texts) {
        if (from < before + text.length && to > before) joined += text.slice(Math.max(0, from - before), to - before)
        before += text.length
      }
    }
    return joined
  }
}

/** Joins texts by `+`. V8 copies nothing until somebody reads the result. */
export function join (texts: readonly string[]): string {
  return texts.reduce((all, text) => all + text, '')
}
