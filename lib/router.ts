import { Batch } from './batch.js'
import { EVERYTHING, type LevelNames } from './levels.js'

/** What the router needs to know of a lane. */
export interface RouterLane {
  /** The lowest level it takes; `EVERYTHING` for all lines, those without a level too. */
  readonly minLevel: number
  /** Counts lines that no lane can be given. */
  refuse (lines: number, reason: 'too-long'): void
}

/** How lines are routed. */
export interface RouterOptions<Lane extends RouterLane> {
  lanes: readonly Lane[]
  levels: LevelNames
  /** The key that holds the level. */
  levelKey: string
  /** A line goes only to the lanes of the highest level that takes it. */
  dedupe: boolean
  /** A longer line is refused, never split. */
  maxLineBytes: number
  /** Takes a batch for the lanes that it is for. */
  deliver: (lanes: readonly Lane[], batch: Batch) => void
}

/** Lanes with one threshold: they take the same lines. */
interface Group<Lane> {
  minLevel: number
  lanes: Lane[]
}

const NEWLINE = '\n'
const QUOTE = 34
const COMMA = 44
const ZERO = 48
const NO_LEVEL = NaN

/**
 * Sends each line to the lanes whose level admits it, by runs of lines, and without parsing: pino writes the level
 * first. Only a line whose head has another form is parsed; one without a usable level goes to every lane.
 */
export class Router<Lane extends RouterLane> {
  /** How many lines had no level that could be used. */
  linesWithoutLevel: number
  /** Whether the last level seen was a label, as `formatters.level` writes it. */
  usesLabels: boolean

  readonly #groups: Array<Group<Lane>>
  readonly #lanes: readonly Lane[]
  readonly #levels: LevelNames
  readonly #levelKey: string
  readonly #head: string
  readonly #dedupe: boolean
  readonly #maxLineBytes: number
  readonly #takesAll: boolean
  readonly #deliver: (lanes: readonly Lane[], batch: Batch) => void

  /** @param former - Whose place this one takes: what that has seen goes on. */
  constructor ({ lanes, levels, levelKey, dedupe, maxLineBytes, deliver }: RouterOptions<Lane>, former?: Router<Lane>) {
    this.linesWithoutLevel = former?.linesWithoutLevel ?? 0
    this.usesLabels = former?.usesLabels ?? false
    const byLevel = new Map<number, Group<Lane>>()
    for (const lane of lanes) {
      const group = byLevel.get(lane.minLevel)
      if (group === undefined) byLevel.set(lane.minLevel, { minLevel: lane.minLevel, lanes: [lane] })
      else group.lanes.push(lane)
    }
    this.#groups = [...byLevel.values()].sort((a, b) => a.minLevel - b.minLevel)
    this.#lanes = lanes
    this.#levels = levels
    this.#levelKey = levelKey
    this.#head = `{${JSON.stringify(levelKey)}:`
    this.#dedupe = dedupe
    this.#maxLineBytes = maxLineBytes
    this.#deliver = deliver
    this.#takesAll = this.#groups.length === 1 && this.#groups[0]?.minLevel === EVERYTHING
  }

  /** Routes whole lines. Every lane has its part when this returns. */
  route (text: string): void {
    // A character has at most three bytes in UTF-8 for each of its UTF-16 units.
    if (text.length * 3 > this.#maxLineBytes) text = this.#refuseTooLong(text)
    if (text === '') return
    if (this.#takesAll) {
      this.usesLabels = text.startsWith(this.#head) && text.charCodeAt(this.#head.length) === QUOTE
      this.#deliver(this.#lanes, new Batch(text, countNewlines(text)))
    } else {
      this.#routeByLevel(text)
    }
  }

  /** Counts a line that was too long to be kept at all. */
  refuseLine (): void {
    for (const lane of this.#lanes) lane.refuse(1, 'too-long')
  }

  #routeByLevel (text: string): void {
    const groups = this.#groups
    const starts = new Array<number>(groups.length).fill(-1)
    const parts = new Array<string>(groups.length).fill('')
    const counts = new Array<number>(groups.length).fill(0)
    let from = 0
    let to = 0
    let runLines = 0
    let at = 0
    while (at < text.length) {
      const end = text.indexOf(NEWLINE, at) + 1
      const level = this.#levelOf(text, at, end)
      // The groups that take this line stand side by side: [nextFrom, nextTo).
      let nextFrom = 0
      let nextTo = groups.length
      if (!Number.isNaN(level)) {
        while (nextTo > 0 && (groups[nextTo - 1] as Group<Lane>).minLevel > level) nextTo--
        if (this.#dedupe && nextTo > 0) nextFrom = nextTo - 1
      }
      if (nextFrom !== from || nextTo !== to) {
        for (let g = from; g < to; g++) {
          counts[g] = (counts[g] as number) + runLines
          if (g < nextFrom || g >= nextTo) {
            parts[g] += text.slice(starts[g], at)
            starts[g] = -1
          }
        }
        for (let g = nextFrom; g < nextTo; g++) if (starts[g] === -1) starts[g] = at
        from = nextFrom
        to = nextTo
        runLines = 0
      }
      runLines++
      at = end
    }
    for (let g = from; g < to; g++) counts[g] = (counts[g] as number) + runLines

    let whole: Batch | undefined
    for (let g = 0; g < groups.length; g++) {
      if (counts[g] === 0) continue
      const start = starts[g] as number
      let batch: Batch
      if (start === 0) batch = whole ??= new Batch(text, counts[g] as number)
      else batch = new Batch(start === -1 ? parts[g] as string : parts[g] + text.slice(start), counts[g] as number)
      this.#deliver((groups[g] as Group<Lane>).lanes, batch)
    }
  }

  /** The level of one line; `NO_LEVEL` if it has none that can be used. */
  #levelOf (text: string, at: number, end: number): number {
    if (text.startsWith(this.#head, at)) {
      const value = at + this.#head.length
      const code = text.charCodeAt(value)
      if (code === QUOTE) {
        const close = text.indexOf('"', value + 1)
        const level = close === -1 || close > end ? undefined : this.#levels.valueOf(text.slice(value + 1, close))
        if (level !== undefined) {
          this.usesLabels = true
          return level
        }
      } else {
        const level = digits(text, value)
        if (!Number.isNaN(level)) {
          this.usesLabels = false
          return level
        }
      }
    }
    return this.#parseLevel(text.slice(at, end))
  }

  #parseLevel (line: string): number {
    try {
      const record: unknown = JSON.parse(line)
      if (typeof record === 'object' && record !== null) {
        const level = this.#levels.valueOf((record as Record<string, unknown>)[this.#levelKey])
        if (level !== undefined) return level
      }
    } catch {
      // What is no JSON is a line all the same, and somebody wrote it to be read.
    }
    this.linesWithoutLevel++
    return NO_LEVEL
  }

  /** Takes lines out that are too long, and counts them in every lane. */
  #refuseTooLong (text: string): string {
    let kept = ''
    let runStart = 0
    for (let at = 0; at < text.length;) {
      const end = text.indexOf(NEWLINE, at) + 1
      if ((end - at) * 3 > this.#maxLineBytes && Buffer.byteLength(text.slice(at, end - 1)) > this.#maxLineBytes) {
        kept += text.slice(runStart, at)
        runStart = end
        this.refuseLine()
      }
      at = end
    }
    return runStart === 0 ? text : kept + text.slice(runStart)
  }
}

/** A whole number up to a comma; `NO_LEVEL` for anything else. */
function digits (text: string, at: number): number {
  let value = 0
  for (let i = at; i < at + 10; i++) {
    const code = text.charCodeAt(i)
    if (code === COMMA && i > at) return value
    const digit = code - ZERO
    if (!(digit >= 0 && digit <= 9)) return NO_LEVEL
    value = value * 10 + digit
  }
  return NO_LEVEL
}

function countNewlines (text: string): number {
  let count = 0
  for (let at = text.indexOf(NEWLINE); at !== -1; at = text.indexOf(NEWLINE, at + 1)) count++
  return count
}
