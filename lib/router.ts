import { Batch, countLines } from './batch.js'
import { encode, type Content } from './encode.js'
import { EVERYTHING, type LevelNames } from './levels.js'
import { parseRecord } from './line-head.js'
import { Cuts, join, LineRuns } from './line-runs.js'
import type { Match } from './match/match.js'
import { Matching } from './match/matching.js'

/** A lane, as the router sees it. */
export interface RouterLane {
  /** The lowest level it takes. `EVERYTHING` means all lines, also those without a level. */
  readonly minLevel: number
  /** What a line must have beside its level; `undefined`: nothing. */
  readonly match?: Match | undefined
  /** Counts lines that no lane can take. */
  refuse (lines: number, reason: 'too-long'): void
}

/** Dependencies of a {@link Router}. */
export interface RouterDeps<Lane extends RouterLane> {
  lanes: readonly Lane[]
  levels: LevelNames
  /** The key that holds the level. */
  levelKey: string
  /** True if a line goes only to the lanes with the highest level that takes it. */
  dedupe: boolean
  /** A longer line is refused. It is never split. */
  maxLineBytes: number
  /** Called with each batch and the lanes that it is for. */
  deliver: (lanes: readonly Lane[], batch: Batch) => void
}

/** Lanes with the same lowest level and the same match, which take the same lines. */
interface Group<Lane> {
  minLevel: number
  match: Match | undefined
  lanes: Lane[]
}

const NEWLINE = 10
const QUOTE = 34
const COMMA = 44
const ZERO = 48
const NO_LEVEL = NaN

/**
 * Sends each line to the lanes whose level and match admit it. It handles lines in runs and reads the level without parsing, since pino
 * writes the level first. Only a line whose head has another form is parsed. A line without a usable level goes to every lane
 * whose match it meets.
 */
export class Router<Lane extends RouterLane> {
  /** The number of lines without a usable level. */
  linesWithoutLevel: number
  /** True if the last level seen was a label, as `formatters.level` writes it. */
  usesLabels: boolean

  readonly #groups: Array<Group<Lane>>
  readonly #lanes: readonly Lane[]
  readonly #levels: LevelNames
  readonly #levelKey: string
  readonly #head: Buffer
  readonly #hasUsualKey: boolean
  readonly #dedupe: boolean
  readonly #maxLineBytes: number
  /** False if every lane takes all levels. */
  readonly #readsLevels: boolean
  /** The matches of the groups, by the numbers of the groups; `undefined` if no lane has a match. */
  readonly #matching: Matching | undefined
  readonly #deliver: (lanes: readonly Lane[], batch: Batch) => void

  /** @param former - The router that this one replaces. Its counts are continued */
  constructor ({ lanes, levels, levelKey, dedupe, maxLineBytes, deliver }: RouterDeps<Lane>, former?: Router<Lane>) {
    this.linesWithoutLevel = former?.linesWithoutLevel ?? 0
    this.usesLabels = former?.usesLabels ?? false
    const groups = new Map<string, Group<Lane>>()
    for (const lane of lanes) {
      const { minLevel, match } = lane
      const key = `${minLevel} ${JSON.stringify(match)}`
      const group = groups.get(key)
      if (group === undefined) groups.set(key, { minLevel, match, lanes: [lane] })
      else group.lanes.push(lane)
    }
    this.#groups = [...groups.values()].sort((a, b) => a.minLevel < b.minLevel ? -1 : Number(a.minLevel > b.minLevel))
    this.#lanes = lanes
    this.#levels = levels
    this.#levelKey = levelKey
    this.#head = Buffer.from(`{${JSON.stringify(levelKey)}:`)
    this.#hasUsualKey = levelKey === 'level'
    this.#dedupe = dedupe
    this.#maxLineBytes = maxLineBytes
    this.#deliver = deliver
    this.#readsLevels = this.#groups.some(({ minLevel }) => minLevel !== EVERYTHING)
    if (this.#groups.some(({ match }) => match !== undefined)) this.#matching = new Matching(this.#groups.map(({ match = [] }) => match))
  }

  /**
   * Routes whole lines, given in parts that each end with a newline. The lines are encoded once. Every lane has its lines when
   * this returns.
   */
  route (parts: readonly Content[]): void {
    const all = encode(parts)
    const bytes = all.length > this.#maxLineBytes ? this.#refuseTooLong(all) : all
    if (bytes.length === 0) return
    const texts = bytes === all && parts.every(part => typeof part === 'string') ? [...parts as string[]] : undefined
    if (!this.#readsLevels) this.usesLabels = this.#hasHead(bytes, 0) && bytes[this.#head.length] === QUOTE
    if (!this.#readsLevels && this.#matching === undefined) {
      const batch = new Batch(bytes, countLines(bytes), texts && { text: () => join(texts) })
      this.#deliver(this.#lanes, batch)
      batch.forgetText()
    } else {
      this.#deliverRuns(bytes, texts)
    }
  }

  /** Counts a line in every lane that was too long to be kept at all. */
  refuseLine (): void {
    for (const lane of this.#lanes) lane.refuse(1, 'too-long')
  }

  #deliverRuns (bytes: Buffer, texts: readonly string[] | undefined): void {
    const cuts = new Cuts(bytes, texts)
    const runs = this.#groups.map(() => new LineRuns(cuts))
    const lines = this.#matching === undefined ? this.#cutByLevel(bytes, cuts, runs) : this.#cutByMatch(this.#matching, bytes, cuts, runs)
    let whole: Batch | undefined
    for (const [g, taken] of runs.entries()) {
      if (taken.count === 0) continue
      const batch = taken.count < lines
        ? new Batch(taken.copyBytes(), taken.count, texts && { text: () => taken.joinText() })
        : whole ??= new Batch(bytes, lines, texts && { text: () => join(texts) })
      this.#deliver((this.#groups[g] as Group<Lane>).lanes, batch)
      if (batch !== whole) batch.forgetText()
    }
    whole?.forgetText()
  }

  /** Finds the runs of each group by the levels of the lines alone. Returns the number of lines. */
  #cutByLevel (bytes: Buffer, cuts: Cuts, runs: readonly LineRuns[]): number {
    const groups = this.#groups
    let from = 0
    let to = 0
    let line = 0
    for (let at = 0; at < bytes.length; line++) {
      const end = bytes.indexOf(NEWLINE, at) + 1
      const level = this.#levelOf(bytes, at, end)
      // The groups that take this line are neighbours: [nextFrom, nextTo).
      let nextFrom = 0
      let nextTo = groups.length
      if (!Number.isNaN(level)) {
        while (nextTo > 0 && (groups[nextTo - 1] as Group<Lane>).minLevel > level) nextTo--
        if (this.#dedupe && nextTo > 0) nextFrom = nextTo - 1
      }
      if (nextFrom !== from || nextTo !== to) {
        const cut = cuts.add(at, line)
        for (let g = from; g < to; g++) if (g < nextFrom || g >= nextTo) (runs[g] as LineRuns).end(cut)
        for (let g = nextFrom; g < nextTo; g++) if (g < from || g >= to) (runs[g] as LineRuns).begin(cut)
        from = nextFrom
        to = nextTo
      }
      at = end
    }
    const cut = cuts.add(bytes.length, line)
    for (let g = from; g < to; g++) (runs[g] as LineRuns).end(cut)
    return line
  }

  /** Finds the runs of each group by the levels of the lines and by their matches. Returns the number of lines. */
  #cutByMatch (matching: Matching, bytes: Buffer, cuts: Cuts, runs: readonly LineRuns[]): number {
    const groups = this.#groups
    const test = matching.over(bytes)
    const taking = groups.map(() => false)
    let line = 0
    for (let at = 0; at < bytes.length; line++) {
      const end = bytes.indexOf(NEWLINE, at) + 1
      const level = this.#readsLevels ? this.#levelOf(bytes, at, end) : NO_LEVEL
      const dedupes = this.#dedupe && !Number.isNaN(level)
      let cut = -1
      let highest: number | undefined
      for (let g = groups.length - 1; g >= 0; g--) {
        const { minLevel } = groups[g] as Group<Lane>
        const takes = !(minLevel > level) && (!dedupes || minLevel === (highest ?? minLevel)) && test.meets(g, at, end)
        if (takes) highest = minLevel
        if (takes === taking[g]) continue
        taking[g] = takes
        if (cut === -1) cut = cuts.add(at, line)
        if (takes) (runs[g] as LineRuns).begin(cut)
        else (runs[g] as LineRuns).end(cut)
      }
      at = end
    }
    const cut = cuts.add(bytes.length, line)
    for (const [g, takes] of taking.entries()) if (takes) (runs[g] as LineRuns).end(cut)
    return line
  }

  #hasHead (bytes: Buffer, at: number): boolean {
    const head = this.#head
    for (let i = 0; i < head.length; i++) if (bytes[at + i] !== head[i]) return false
    return true
  }

  /** The level of one line, or `NO_LEVEL` if it has no usable level. */
  #levelOf (bytes: Buffer, at: number, end: number): number {
    const usual = this.#hasUsualKey ? usualLevel(bytes, at) : NO_LEVEL
    if (!Number.isNaN(usual)) {
      this.usesLabels = false
      return usual
    }
    return this.#findLevel(bytes, at, end)
  }

  #findLevel (bytes: Buffer, at: number, end: number): number {
    if (this.#hasHead(bytes, at)) {
      const value = at + this.#head.length
      if (bytes[value] === QUOTE) {
        const close = bytes.indexOf(QUOTE, value + 1)
        const level = close === -1 || close > end ? undefined : this.#levels.valueOf(bytes.toString('utf8', value + 1, close))
        if (level !== undefined) {
          this.usesLabels = true
          return level
        }
      } else {
        const level = digits(bytes, value)
        if (!Number.isNaN(level)) {
          this.usesLabels = false
          return level
        }
      }
    }
    return this.#parseLevel(bytes.toString('utf8', at, end))
  }

  #parseLevel (line: string): number {
    const level = this.#levels.valueOf(parseRecord(line)?.[this.#levelKey])
    if (level !== undefined) return level
    // A line without a level, or that is no JSON, is a line all the same: somebody wrote it to be read.
    this.linesWithoutLevel++
    return NO_LEVEL
  }

  /** Removes lines that are too long, and counts them in every lane. */
  #refuseTooLong (bytes: Buffer): Buffer {
    const kept: Buffer[] = []
    let runStart = 0
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(NEWLINE, at) + 1
      if (end - 1 - at > this.#maxLineBytes) {
        kept.push(bytes.subarray(runStart, at))
        runStart = end
        this.refuseLine()
      }
      at = end
    }
    return runStart === 0 ? bytes : encode([...kept, bytes.subarray(runStart)])
  }
}

/** A level of two digits behind `{"level":`, compared byte by byte. Loops for any key and any number cost 8% more time per line. */
function usualLevel (bytes: Buffer, at: number): number {
  const isUsual = bytes[at] === 123 && bytes[at + 1] === 34 && bytes[at + 2] === 108 && bytes[at + 3] === 101 && bytes[at + 4] === 118 &&
    bytes[at + 5] === 101 && bytes[at + 6] === 108 && bytes[at + 7] === 34 && bytes[at + 8] === 58 && bytes[at + 11] === COMMA
  const tens = bytes[at + 9] as number - ZERO
  const ones = bytes[at + 10] as number - ZERO
  return isUsual && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NO_LEVEL
}

/** A whole number up to a comma, or `NO_LEVEL` for anything else. */
function digits (bytes: Buffer, at: number): number {
  let value = 0
  for (let i = at; i < at + 10; i++) {
    const code = bytes[i] as number
    if (code === COMMA && i > at) return value
    const digit = code - ZERO
    if (!(digit >= 0 && digit <= 9)) return NO_LEVEL
    value = value * 10 + digit
  }
  return NO_LEVEL
}
