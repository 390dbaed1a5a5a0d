const NEWLINE = 10

/**
 * Some whole lines, each with its newline, shared by every lane that takes them all. Encoded at most once, and only if
 * some lane needs bytes.
 */
export class Batch {
  /** How many lines these are. */
  readonly count: number
  /** Whether these lines are a diagnostic of our own: their loss is counted, but makes no further diagnostic. */
  readonly isDiagnostic: boolean
  readonly #text: string
  #bytes: Buffer | undefined
  #byteLength: number | undefined

  constructor (content: string | Buffer, count: number, { isDiagnostic = false } = {}) {
    this.#text = typeof content === 'string' ? content : ''
    this.#bytes = typeof content === 'string' ? undefined : content
    this.count = count
    this.isDiagnostic = isDiagnostic
  }

  /** Their length in UTF-8. */
  get byteLength (): number {
    this.#byteLength ??= this.#bytes?.length ?? Buffer.byteLength(this.#text)
    return this.#byteLength
  }

  /** The lines in UTF-8, in memory of their own: a slice of the shared pool would keep its neighbours alive. */
  get bytes (): Buffer {
    if (this.#bytes === undefined) {
      this.#bytes = Buffer.allocUnsafeSlow(this.byteLength)
      this.#bytes.write(this.#text, 'utf8')
    }
    return this.#bytes
  }
}

/** Lines as a lane keeps them, with their place in its life. */
export interface Lines {
  readonly bytes: Buffer
  readonly count: number
  /** The running number, within the life of the lane, of the first of them. */
  readonly firstLine: number
  /** How often they have been handed over and came back. */
  readonly attempts: number
  /** How many bytes of the first line have arrived already: the sink is given the rest of it. */
  readonly arrivedBytes: number
}

/** Lines that nobody has been given yet. */
export function freshLines (bytes: Buffer, count: number, firstLine: number): Lines {
  return { bytes, count, firstLine, attempts: 0, arrivedBytes: 0 }
}

/** How many lines end within these bytes. */
export function countLines (bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count++
  return count
}

/**
 * Cuts lines in two at a line's end: the head has as many whole lines as fit into `maxBytes` and `maxCount`, though
 * never less than one; the rest is `undefined` if nothing is left.
 */
export function cutLines (lines: Lines, maxBytes: number, maxCount = Infinity): [head: Lines, rest: Lines | undefined] {
  if (lines.count <= 1 || (lines.bytes.length <= maxBytes && lines.count <= maxCount)) return [lines, undefined]

  let end = 0
  let count = 0
  if (lines.count > maxCount) {
    do {
      const next = lines.bytes.indexOf(NEWLINE, end) + 1
      if (count > 0 && next > maxBytes) break
      end = next
      count++
    } while (count < maxCount)
  } else {
    end = lines.bytes.lastIndexOf(NEWLINE, Math.max(0, maxBytes - 1)) + 1
    if (end === 0) end = lines.bytes.indexOf(NEWLINE) + 1
    count = countLines(lines.bytes.subarray(0, end))
  }
  return [
    { ...lines, bytes: lines.bytes.subarray(0, end), count },
    { ...lines, bytes: lines.bytes.subarray(end), count: lines.count - count, firstLine: lines.firstLine + count, arrivedBytes: 0 }
  ]
}
