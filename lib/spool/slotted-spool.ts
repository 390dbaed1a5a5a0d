import type { Lines } from '../batch.js'
import { NOTHING, type Amount } from '../queue.js'
import { Adopter } from './adopter.js'
import { batchIdOf, type Position, type SpooledLines } from './position.js'
import { onSilence } from './silence.js'
import { FIRST_SLOT, MAX_SLOTS, Slots } from './slots.js'
import { Spool, type LaneSpool } from './spool.js'
import type { SpoolDeps, SpoolFolderSettings } from './spool-deps.js'
import type { Hindrance, SlotEvents, SpoolEvents } from './spool-events.js'

/** If all slots are taken, they are tried again after about this time. */
const RETRY_MS = 10000

/**
 * The spool of one lane, where other transports with the same options may log at the same time. It writes to a slot of its
 * own, the first free one. Once hardly any lines wait there, it sends lines that other transports have left in theirs.
 */
export class SlottedSpool implements LaneSpool {
  readonly #settings: SpoolFolderSettings
  readonly #deps: SpoolDeps
  readonly #events: SlotEvents
  readonly #slots: Slots
  readonly #adopter: Adopter
  /** The spool of the slot that it has, or tries to take. */
  #own: Spool | undefined
  /** Slots that are still to be tried, best first. */
  #candidates: number[] = []
  #firstPid: number | undefined
  #wantedBytes: number | undefined
  #state: 'new' | 'started' | 'closed' = 'new'
  #timer: NodeJS.Timeout | undefined
  /** Cancels the report of a disk that does not answer. */
  #cancelSilence: () => void = () => {}

  /** @param settings - With the folder of the first slot. */
  constructor (settings: SpoolFolderSettings, deps: SpoolDeps, events: SlotEvents) {
    this.#settings = settings
    this.#deps = deps
    this.#slots = new Slots(deps.fs, settings.folder, deps.owners)
    this.#events = {
      ...events,
      onLines: lines => {
        this.#wantedBytes = undefined
        events.onLines(lines)
      },
      onFound: (lines, left) => {
        events.onFound(lines, left)
        this.#ask()
      },
      onAdopted: (recovered, slot) => {
        events.onAdopted(recovered, slot)
        this.#ask()
      },
      onDropped: (lines, reason) => {
        events.onDropped(lines, reason)
        this.#ask()
      }
    }
    this.#adopter = new Adopter({
      slots: this.#slots,
      createSpool: (slot, events) => this.#createSpool(slot, events),
      now: () => deps.clock.now()
    }, this.#events)
  }

  idOf (position: Position): string {
    return batchIdOf(position.spool ?? this.identity, position)
  }

  get identity (): string {
    return this.#own?.identity ?? ''
  }

  get lines (): number {
    return (this.#own?.lines ?? 0) + this.adoptedLines
  }

  get adoptedLines (): number {
    return this.#adopter.spool?.lines ?? 0
  }

  get outstandingLines (): number {
    return (this.#own?.outstandingLines ?? 0) + (this.#adopter.spool?.outstandingLines ?? 0)
  }

  get pending (): Amount {
    return this.#own?.pending ?? NOTHING
  }

  get unwrittenBytes (): number {
    return this.#own?.unwrittenBytes ?? 0
  }

  get bytes (): number {
    return (this.#own?.bytes ?? 0) + (this.#adopter.spool?.bytes ?? 0)
  }

  /** Takes a slot and counts its lines. Tries again until it succeeds. */
  start (): void {
    if (this.#state !== 'new') return
    this.#state = 'started'
    this.#choose()
  }

  takes (bytes: number): boolean {
    return this.#own?.takes(bytes) === true
  }

  append (lines: Lines): boolean {
    return this.#own?.append(lines) === true
  }

  keep (all: readonly Lines[]): boolean {
    return this.#own?.keep(all) === true
  }

  /** Like {@link Spool.read}. Lines of its own slot come before those of an adopted one. */
  read (maxBytes: number): void {
    this.#wantedBytes = maxBytes
    this.#ask()
  }

  settle (lines: SpooledLines): void {
    this.#spoolOf(lines)?.settle(lines)
    this.#adopter.proceed()
  }

  recycle (bytes: Buffer): void {
    (this.#adopter.spool ?? this.#own)?.recycle(bytes)
  }

  has (position: Position): boolean {
    return this.#spoolOf(position)?.has(position) === true
  }

  rewind (): void {
    this.#wantedBytes = undefined
    this.#own?.rewind()
    this.#adopter.spool?.rewind()
  }

  async sync (): Promise<boolean> {
    return await this.#own?.sync() === true
  }

  /** Like {@link Spool.close}. Unsettled lines of an adopted slot stay there, for other transports to adopt. */
  async close (deadline: number): Promise<void> {
    this.#state = 'closed'
    this.#cancelSilence()
    clearTimeout(this.#timer)
    await Promise.all([this.#own?.close(deadline), this.#adopter.close(deadline)])
  }

  #createSpool (slot: number, events: SpoolEvents): Spool {
    return new Spool({ ...this.#settings, folder: this.#slots.folderOf(slot), isDisposable: slot !== FIRST_SLOT }, this.#deps, events)
  }

  /** Tries existing slots before new ones, since they may have lines. */
  async #choose (): Promise<void> {
    this.#cancelSilence = onSilence(this.#deps.clock, this.#settings.folder, error => this.#events.onHindered({ kind: 'failed', error }))
    const known = await this.#slots.list()
    this.#cancelSilence()
    if (this.#state === 'closed') return
    const others = Array.from({ length: MAX_SLOTS }, (_, index) => FIRST_SLOT + index).filter(slot => !known.includes(slot))
    this.#candidates = [...known, ...others]
    this.#firstPid = undefined
    this.#tryNext(known)
  }

  #tryNext (known: readonly number[]): void {
    const slot = this.#candidates.shift()
    if (slot === undefined) return this.#onCrowded()
    const { onOpened, onHindered, onWritten } = this.#events
    let hasOpened = false
    const spool = this.#createSpool(slot, {
      ...this.#events,
      onOpened: recovered => {
        hasOpened = true
        onOpened(recovered)
        this.#adopter.start(slot)
      },
      onHindered: hindrance => {
        // A slot that was open is kept: the sink may hold lines of it, which may come back.
        if (hasOpened || !isPassedOver(hindrance, slot, known)) return onHindered(hindrance)
        if (hindrance.kind === 'locked') this.#firstPid ??= hindrance.pid
        spool.close(this.#deps.clock.now())
        this.#tryNext(known)
      },
      onWritten: lines => {
        onWritten(lines)
        this.#ask()
      }
    })
    this.#own = spool
    spool.start()
  }

  #onCrowded (): void {
    this.#own = undefined
    this.#timer = setTimeout(() => this.#choose(), RETRY_MS * (0.75 + this.#deps.random() / 2)).unref()
    this.#events.onHindered({ kind: 'locked', pid: this.#firstPid ?? 0, slots: MAX_SLOTS })
  }

  /** Passes a request for lines on to the spool that has them. */
  #ask (): void {
    if (this.#wantedBytes === undefined) return
    const { spool } = this.#adopter
    const source = this.#own !== undefined && (this.#own.lines > 0 || this.adoptedLines === 0) ? this.#own : spool
    source?.read(this.#wantedBytes)
  }

  #spoolOf ({ spool: identity }: Position): Spool | undefined {
    if (identity === undefined) return this.#own
    return this.#adopter.spool?.identity === identity ? this.#adopter.spool : undefined
  }
}

/**
 * Whether to try another slot instead of waiting for this one. A disk that refuses the first slot, or a new one, would
 * refuse all others too.
 */
function isPassedOver (hindrance: Hindrance, slot: number, known: readonly number[]): boolean {
  return hindrance.kind === 'locked' || (slot !== FIRST_SLOT && known.includes(slot))
}
