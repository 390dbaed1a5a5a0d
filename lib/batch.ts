import { encode, type Content } from './encode.js'

const NEWLINE = 10

/** What a batch is told beside its bytes. */
export interface BatchDetails {
  /** Whether these lines are a diagnostic of our own: their loss is counted, but makes no further diagnostic. */
  isDiagnostic?: boolean
  /** How to get the same lines as text; they are decoded otherwise, which costs three times as much as encoding. */
  text?: () => string
}

/** Some whole lines, each with its newline, in UTF-8, shared by every lane that takes them all. */
export class Batch {
  /** The lines, in memory of their own: a slice of what they came in would keep its neighbours alive. */
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

  /** Lets the chunk go that the text is part of: lines may be in the hands of a sink for long. */
  forgetText (): void {
    this.#text = undefined
  }
}

/** Lines that have no number yet: a batch, or what was cut out of one. */
export type NewLines = Pick<Lines, 'bytes' | 'count' | 'text'>

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
  /** How often they came back because of what is in them, or so it seems: refused, and not known which of them. */
  readonly doubts: number
  /** The number of each of them, where they do not follow one another: some between them have been settled. */
  readonly numbers?: readonly number[]
  /** The same as text, as long as nobody has to decode them for that. */
  readonly text?: string | undefined
}

/** Lines that nobody has been given yet. */
export function freshLines (bytes: Buffer, count: number, firstLine: number): Lines {
  return { bytes, count, firstLine, attempts: 0, arrivedBytes: 0, doubts: 0 }
}

/** The lines of a batch that go straight through. A copy of them that is cut, or sent again, has no text any more. */
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

/** How many lines end within these. */
export function countLines (content: Content): number {
  const newline = typeof content === 'string' ? '\n' : NEWLINE
  let count = 0
  for (let at = content.indexOf(newline as string); at !== -1; at = content.indexOf(newline as string, at + 1)) count++
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
  return cutAt(lines, end, count)
}

/** Cuts off the first so many lines, which end at this byte. There must be more than these. */
export function cutAt (lines: Lines, end: number, count: number): [head: Lines, rest: Lines] {
  const { bytes, numbers } = lines
  const firstLine = numbers?.[count] ?? lines.firstLine + count
  return [
    { ...lines, bytes: bytes.subarray(0, end), count, ...(numbers && { numbers: numbers.slice(0, count) }) },
    { ...lines, bytes: bytes.subarray(end), count: lines.count - count, firstLine, arrivedBytes: 0, ...(numbers && { numbers: numbers.slice(count) }) }
  ]
}

/** Some of these lines, by their places among them, in ascending order; each keeps its number. */
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

/** Lines of several batches as one, oldest first; each keeps its number. */
export function joinLines (batches: readonly [Lines, ...Lines[]]): Lines {
  const [first] = batches
  if (batches.length === 1) return first
  const numbers = batches.flatMap(lines => Array.from({ length: lines.count }, (_, place) => numberOf(lines, place)))
  return {
    ...withoutNumbers(first),
    bytes: Buffer.concat(batches.map(({ bytes }) => bytes)),
    count: numbers.length,
    attempts: Math.max(...batches.map(({ attempts }) => attempts)),
    doubts: Math.max(...batches.map(({ doubts }) => doubts)),
    ...(isGapless(numbers) ? {} : { numbers })
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

function isGapless (numbers: readonly number[]): boolean {
  return (numbers.at(-1) as number) - (numbers[0] as number) === numbers.length - 1
}

/** Lines without their newlines. A carriage return before a newline is a part of it, since JSON has none. */
export function splitLines (text: string): string[] {
  return text.includes('\r\n') ? text.split(/\r?\n/).slice(0, -1) : text.slice(0, -1).split('\n')
}
