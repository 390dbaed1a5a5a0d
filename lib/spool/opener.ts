import type { Clock } from '../clock.js'
import { FanoutError } from '../errors.js'
import type { FileSystem } from './file-system.js'
import type { Position } from './position.js'
import { Recovery, type Recovered } from './recovery.js'
import type { Segment } from './segment.js'
import type { Segments } from './segments.js'
import { onSilence } from './silence.js'
import type { SpoolDeps } from './spool-deps.js'
import type { Hindrance, SpoolFault } from './spool-events.js'
import { SpoolFolder } from './spool-folder.js'
import type { Turns } from './turns.js'

/** Dependencies of an {@link Opener}. */
export interface OpenerDeps extends SpoolDeps {
  /** The path of the folder. */
  folder: string
  turns: Turns
  segments: Segments
}

/** Callbacks of an {@link Opener}. */
export interface OpenerEvents {
  /** Lines can be written and read, while those of earlier runs are being counted. Not called if there is little to count. */
  onEntered (): void
  /**
   * A segment of an earlier run is counted.
   *
   * @param lines - How many of its lines wait.
   * @param left - How many segments are still to be counted.
   * @param cursor - Everything before it has been delivered; `undefined` if there is no cursor or a wrong one.
   */
  onFound (lines: number, left: number, cursor: Position | undefined): void
  /** All lines of earlier runs are counted. */
  onOpened (recovered: Recovered, cursor: Position | undefined): void
  onHindered (hindrance: Hindrance): void
  /** The folder is lost. Its waiting lines, of which there were `lines`, are lost with it. */
  onFolderLost (error: FanoutError, lines: number): void
  /** The segment that lines are appended to is lost, with `lines` waiting lines. */
  onSegmentLost (error: FanoutError, lines: number): void
  onFault (fault: SpoolFault): void
}

const RETRY_MS = 1000
/** Two processes that tried to enter at the same moment try again within this time. */
const TIE_MS = 50

/**
 * Opens the folder of a spool: enters it, retrying until that succeeds, and counts the lines of earlier runs. Notices when
 * the folder is removed or replaced, and opens it again.
 */
export class Opener {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #clock: Clock
  readonly #random: () => number
  readonly #turns: Turns
  readonly #segments: Segments
  readonly #spoolFolder: SpoolFolder
  readonly #events: OpenerEvents
  #state: 'new' | 'opening' | 'counting' | 'open' | 'stopped' = 'new'
  #hasEntered = false
  /** How often the folder was entered. */
  #entries = 0
  #identity = ''
  #isSizeKnown = true
  /** The last reported reason why the folder cannot be entered. */
  #hindrance: string | undefined
  #retryTimer: NodeJS.Timeout | undefined
  /** Cancels the report of a disk that does not answer. */
  #cancelSilence: () => void = () => {}

  constructor ({ fs, folder, owners, clock, random, turns, segments }: OpenerDeps, events: OpenerEvents) {
    this.#fs = fs
    this.#folder = folder
    this.#clock = clock
    this.#random = random
    this.#turns = turns
    this.#segments = segments
    this.#spoolFolder = new SpoolFolder({ fs, folder, owners, random, turns })
    this.#events = events
  }

  /** Whether lines can be read and written. True as well while lines of earlier runs are being counted. */
  get isActive (): boolean {
    return this.#state === 'counting' || this.#state === 'open'
  }

  /** Whether all lines of earlier runs are counted. */
  get isOpen (): boolean {
    return this.#state === 'open'
  }

  /** Whether the folder is entered and not lost: its files belong to this spool. Remains true after {@link stop}. */
  get hasEntered (): boolean {
    return this.#hasEntered
  }

  /** The identity of the spool; empty before the folder was first entered. */
  get identity (): string {
    return this.#identity
  }

  /** Whether the size of what earlier runs have left is known. */
  get isSizeKnown (): boolean {
    return this.#isSizeKnown
  }

  /** Opens the folder. Tries again about every second until it succeeds. */
  start (): void {
    if (this.#state !== 'new') return
    this.#state = 'opening'
    this.#turns.take(() => this.#open())
  }

  /** Stops opening and counting. */
  stop (): void {
    this.#state = 'stopped'
    this.#cancelSilence()
    clearTimeout(this.#retryTimer)
  }

  /** Checks whether the folder, or the segment that lines are appended to, is lost. Opens a lost folder again. */
  async check (): Promise<void> {
    if (!this.isActive) return
    const { open } = this.#segments
    // Before the folder: a segment that is gone with its folder must not be taken for one that is gone by itself.
    const isSegmentGone = open !== undefined && await open.isGone()
    const holds = await this.#spoolFolder.holds()
    if (!this.isActive) return
    if (holds) {
      if (isSegmentGone) await this.#setAside(open)
      return
    }
    this.#state = 'opening'
    await this.#abandon()
    if (this.#state === 'opening') await this.#open()
  }

  /** Checks whether the folder is lost. Call it after {@link stop}. */
  async checkLast (): Promise<void> {
    if (this.#hasEntered && !await this.#spoolFolder.holds()) await this.#abandon()
  }

  /**
   * Releases the folder.
   *
   * @param isDisposable - Whether to remove the folder if nothing is left in it.
   */
  async leave (isDisposable: boolean): Promise<void> {
    if (this.#hasEntered && isDisposable) await this.#spoolFolder.leaveNothing()
    else await this.#spoolFolder.leave()
  }

  async #open (): Promise<void> {
    this.#cancelSilence = onSilence(this.#clock, this.#folder, error => this.#reportHindrance({ kind: 'failed', error }))
    const entry = await this.#spoolFolder.enter()
    this.#cancelSilence()
    if (this.#state !== 'opening') return
    if (entry.kind === 'tied') return this.#openAfter(TIE_MS * this.#random())
    if (entry.kind === 'hindered') return this.#onHindered(entry.hindrance)
    const { found, identity } = entry
    // Settling a line that was read from the lost folder must not settle one with the same position in this folder.
    if (this.#segments.orphanedLines > 0 && (found.numbers[0] ?? Infinity) <= this.#segments.lastNumber) {
      await this.#spoolFolder.leave()
      return this.#onHindered({ kind: 'failed', error: lost(this.#folder, 'was replaced by a folder with other lines, which can be sent only after all lines that were read before are settled') })
    }
    const recovery = new Recovery(this.#fs, this.#folder, found, error => this.#events.onFault({ during: 'read', error }))
    await recovery.begin()
    if (this.#state !== 'opening') return
    this.#state = 'counting'
    this.#hasEntered = true
    this.#hindrance = undefined
    const entries = ++this.#entries
    this.#identity = identity
    const cursor = found.cursor.kind === 'found' ? found.cursor.position : undefined
    this.#segments.begin(Math.max(this.#segments.lastNumber, found.numbers.at(-1) ?? 0, cursor?.segment ?? 0), found.bytes ?? 0)
    this.#isSizeKnown = found.bytes !== undefined
    this.#count(recovery, () => this.#state !== 'counting' || entries !== this.#entries)
    // With so little to count, the spool opens at once, and lines that wait for that need not go through the disk.
    if (found.numbers.length > 1) this.#events.onEntered()
  }

  async #count (recovery: Recovery, isAborted: () => boolean): Promise<void> {
    const recovered = await recovery.run(this.#turns, (segment, next, left) => {
      this.#segments.recover(segment, next)
      this.#events.onFound(segment?.waitingLines ?? 0, left, recovery.start)
    }, isAborted)
    if (recovered === undefined || isAborted()) return
    this.#state = 'open'
    this.#events.onOpened(recovered, recovery.start)
  }

  /** Forgets the lost folder and its segments. */
  async #abandon (): Promise<void> {
    const { waitingLines } = this.#segments
    this.#hasEntered = false
    this.#spoolFolder.forget()
    const isAbandoned = this.#segments.abandon()
    this.#events.onFolderLost(lost(this.#folder, 'was removed or replaced'), waitingLines)
    await isAbandoned
  }

  async #setAside (open: Segment): Promise<void> {
    const { waitingLines } = open
    await this.#segments.setAside(open)
    this.#events.onSegmentLost(lost(this.#folder, 'has lost the segment that was being written'), waitingLines)
  }

  #onHindered (hindrance: Hindrance): void {
    this.#openAfter(RETRY_MS * (0.75 + this.#random() / 2))
    this.#reportHindrance(hindrance)
  }

  #reportHindrance (hindrance: Hindrance): void {
    const reason = hindrance.kind === 'locked' ? `${hindrance.pid}` : String(hindrance.error)
    if (reason === this.#hindrance) return
    this.#hindrance = reason
    this.#events.onHindered(hindrance)
  }

  #openAfter (ms: number): void {
    this.#retryTimer = setTimeout(() => this.#turns.take(() => this.#open()), ms).unref()
  }
}

function lost (folder: string, fate: string): FanoutError {
  return new FanoutError('ERR_FANOUT_SPOOL_LOST', `${folder}: ${fate}`)
}
