import { encode, type Content } from './encode.js'

const NEWLINE = 10

/** Details of a batch beside its bytes. */
export interface BatchDetails {
  /** True for a diagnostic record of our own: its loss is counted, but causes no further record. */
  isDiagnostic?: boolean
  /** Returns the same lines as text. Without it they are decoded, which costs three times as much as encoding. */
  text?: () => string
}

/** Whole lines, each with its newline, in UTF-8, shared by every lane that takes them all. */
export class Batch {
  /** The lines, in memory of their own: a slice of the chunk that they came in would keep the whole chunk alive. */
  readonly bytes: Buffer
  /** How many lines these are. */
  readonly count: number
  readonly isDiagnostic: boolean
  #text: (() => string) | undefined

  constructor (content: Content, count: number, { isDiagnostic = false, text }: BatchDetails = {}) {
    this.bytes = typeof content === 'string' ? encode([content]) : content
    this.count = count
    this.isDiagnostic = isDiagnostic
    this.#text = typeof content === 'string' ? () => content : text
  }

  /** Their length in UTF-8. */
  get byteLength (): number {
    return this.bytes.length
  }

  /** The lines as text, for a sink that takes strings. */
  get text (): string {
    return this.#text?.() ?? this.bytes.toString()
  }

  /** Releases the chunk that the text is part of: a sink may hold lines for long. */
  forgetText (): void {
    this.#text = undefined
  }
}

/** Lines without numbers: a batch, or a part of one. */
export type NewLines = Pick<Lines, 'bytes' | 'count' | 'text'>

/** Lines of a lane, with their numbers. */
export interface Lines {
  readonly bytes: Buffer
  readonly count: number
  /** The number of the first line. A lane counts its lines from its start. */
  readonly firstLine: number
  /** How often they were handed over and came back. */
  readonly attempts: number
  /** Bytes of the first line that have arrived already: the sink is given the rest of it. */
  readonly arrivedBytes: number
  /** How often they came back because one of them may be bad. */
  readonly doubts: number
  /** The number of each line, if there are gaps between them, because lines there have been settled. */
  readonly numbers?: readonly number[]
  /** The same lines as text, if it is at hand without decoding. */
  readonly text?: string | undefined
}

/** Creates lines that no sink has been given yet. */
export function freshLines (bytes: Buffer, count: number, firstLine: number): Lines {
  return { bytes, count, firstLine, attempts: 0, arrivedBytes: 0, doubts: 0 }
}

/** Lines of a batch that go straight to a sink, with their text. Copies that are cut or sent again have no text. */
export class PassingLines implements Lines {
  readonly bytes: Buffer
  readonly count: number
  readonly firstLine: number
  readonly attempts = 0
  readonly arrivedBytes = 0
  readonly doubts = 0
  readonly #batch: NewLines

  constructor (batch: NewLines, firstLine: number) {
    this.bytes = batch.bytes
    this.count = batch.count
    this.firstLine = firstLine
    this.#batch = batch
  }

  get text (): string | undefined {
    return this.#batch.text
  }
}

/** Counts the lines that end within this content. */
export function countLines (content: Content): number {
  const newline = typeof content === 'string' ? '\n' : NEWLINE
  let count = 0
  for (let at = content.indexOf(newline as string); at !== -1; at = content.indexOf(newline as string, at + 1)) count++
  return count
}

/**
 * Cuts lines in two at a line's end. The head has as many whole lines as fit into `maxBytes` and `maxCount`, but at least
 * one; the rest is `undefined` if there is none.
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
  return cutAt(lines, end, count)
}

/** Cuts off the first `count` lines, which end at this byte. At least one line must be left. */
export function cutAt (lines: Lines, end: number, count: number): [head: Lines, rest: Lines] {
  const { bytes, numbers } = lines
  const firstLine = numbers?.[count] ?? lines.firstLine + count
  return [
    { ...lines, bytes: bytes.subarray(0, end), count, ...(numbers && { numbers: numbers.slice(0, count) }) },
    { ...lines, bytes: bytes.subarray(end), count: lines.count - count, firstLine, arrivedBytes: 0, ...(numbers && { numbers: numbers.slice(count) }) }
  ]
}

/** Cuts off the whole lines that end within this many bytes; `undefined` if there is none. A line must be left. */
export function cutWithin (lines: Lines, end: number): [head: Lines, rest: Lines] | undefined {
  const cut = end <= 0 ? 0 : lines.bytes.lastIndexOf(NEWLINE, end - 1) + 1
  return cut === 0 ? undefined : cutAt(lines, cut, countLines(lines.bytes.subarray(0, cut)))
}

/** True if the second lines follow the first ones, and neither has been sent before. */
export function areConsecutive (first: Lines, second: Lines): boolean {
  return isFresh(first) && isFresh(second) && first.firstLine + first.count === second.firstLine
}

/**
 * Appends lines to those before them, which {@link areConsecutive}.
 *
 * @param memory - That of `first`, if it has room; it grows by a quarter otherwise, so that little of it is in vain
 */
export function appendLines (first: Lines, second: Lines, memory: Buffer | undefined): { lines: Lines, memory: Buffer } {
  const length = first.bytes.length + second.bytes.length
  const own = memory !== undefined && length <= memory.length ? memory : Buffer.allocUnsafeSlow(Math.ceil(1.25 * length))
  if (own !== memory) first.bytes.copy(own)
  second.bytes.copy(own, first.bytes.length)
  return { lines: freshLines(own.subarray(0, length), first.count + second.count, first.firstLine), memory: own }
}

/** Picks the lines at these places, which ascend; each keeps its number. */
export function pickLines (lines: Lines, places: readonly number[]): Lines {
  const ends: number[] = []
  for (let at = lines.bytes.indexOf(NEWLINE); at !== -1; at = lines.bytes.indexOf(NEWLINE, at + 1)) ends.push(at + 1)
  const numbers = places.map(place => numberOf(lines, place))
  const bytes = Buffer.concat(places.map(place => lines.bytes.subarray(ends[place - 1] ?? 0, ends[place])))
  return {
    ...withoutNumbers(lines),
    bytes,
    count: places.length,
    firstLine: numbers[0] as number,
    arrivedBytes: places[0] === 0 ? lines.arrivedBytes : 0,
    ...(isGapless(numbers) ? {} : { numbers })
  }
}

/** Joins lines of several batches, oldest first; each keeps its number. */
export function joinLines (batches: readonly [Lines, ...Lines[]]): Lines {
  const [first] = batches
  if (batches.length === 1) return first
  const hasNoGaps = batches.every(({ numbers, firstLine }, i) => {
    const former = batches[i - 1]
    return numbers === undefined && (former === undefined || former.firstLine + former.count === firstLine)
  })
  const numbers = hasNoGaps ? undefined : batches.flatMap(lines => Array.from({ length: lines.count }, (_, place) => numberOf(lines, place)))
  return {
    ...withoutNumbers(first),
    bytes: Buffer.concat(batches.map(({ bytes }) => bytes)),
    count: batches.reduce((sum, { count }) => sum + count, 0),
    attempts: Math.max(...batches.map(({ attempts }) => attempts)),
    doubts: Math.max(...batches.map(({ doubts }) => doubts)),
    ...(numbers === undefined || isGapless(numbers) ? {} : { numbers })
  }
}

/** The text of each of these lines, without its newline. */
export function textsOf ({ bytes }: Pick<Lines, 'bytes'>): string[] {
  return bytes.toString('utf8', 0, bytes.length - 1).split('\n')
}

/** The number of the line at this place among them. */
export function numberOf ({ numbers, firstLine }: Lines, place: number): number {
  return numbers?.[place] ?? firstLine + place
}

function withoutNumbers ({ numbers, ...lines }: Lines): Omit<Lines, 'numbers'> {
  return lines
}

function isFresh ({ attempts, doubts, arrivedBytes, numbers }: Lines): boolean {
  return attempts === 0 && doubts === 0 && arrivedBytes === 0 && numbers === undefined
}

function isGapless (numbers: readonly number[]): boolean {
  return numbers.every((number, place) => number === (numbers[0] as number) + place)
}

/** Lines without their newlines. A carriage return before a newline is removed with it: JSON has none of its own. */
export function splitLines (text: string): string[] {
  return text.includes('\r\n') ? text.split(/\r?\n/).slice(0, -1) : text.slice(0, -1).split('\n')
}
