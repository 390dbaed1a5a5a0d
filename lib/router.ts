import { Batch, countLines } from './batch.js'
import { encode, type Content } from './encode.js'
import { EVERYTHING, type LevelNames } from './levels.js'
import { LevelReader, NO_LEVEL } from './line-level.js'
import { Cuts, join, LineRuns } from './line-runs.js'
import type { Match } from './match/match.js'
import { Matching } from './match/matching.js'

/** A lane, as the router sees it. */
export interface RouterLane {
  /** The lowest level it takes. `EVERYTHING` means all lines, also those without a level. */
  readonly minLevel: number
  /** Conditions for the content of its lines; `undefined` for none. */
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

/**
 * Sends each line to the lanes whose level and match admit it. It handles lines in runs. A line without a usable level goes to every
 * lane whose match it meets: it is no JSON, or has no level, but somebody wrote it to be read.
 */
export class Router<Lane extends RouterLane> {
  /** The number of lines without a usable level. */
  linesWithoutLevel: number

  readonly #groups: Array<Group<Lane>>
  readonly #lanes: readonly Lane[]
  readonly #reader: LevelReader
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
    this.#reader = new LevelReader(levelKey, levels, former?.usesLabels)
    this.#dedupe = dedupe
    this.#maxLineBytes = maxLineBytes
    this.#deliver = deliver
    this.#readsLevels = this.#groups.some(({ minLevel }) => minLevel !== EVERYTHING)
    if (this.#groups.some(({ match }) => match !== undefined)) this.#matching = new Matching(this.#groups.map(({ match = [] }) => match))
  }

  /** True if the last level seen was a label, as `formatters.level` writes it. */
  get usesLabels (): boolean {
    return this.#reader.usesLabels
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
    if (!this.#readsLevels) this.#reader.lookForLabel(bytes, 0)
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
    const reader = this.#reader
    let from = 0
    let to = 0
    let line = 0
    for (let at = 0; at < bytes.length; line++) {
      const end = bytes.indexOf(NEWLINE, at) + 1
      const level = reader.levelOf(bytes, at, end)
      // The groups that take this line are neighbours: [nextFrom, nextTo).
      let nextFrom = 0
      let nextTo = groups.length
      if (Number.isNaN(level)) {
        this.linesWithoutLevel++
      } else {
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
      const level = this.#readsLevels ? this.#reader.levelOf(bytes, at, end) : NO_LEVEL
      if (this.#readsLevels && Number.isNaN(level)) this.linesWithoutLevel++
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
