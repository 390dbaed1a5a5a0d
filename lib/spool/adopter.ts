import type { Recovered } from './recovery.js'
import type { Slots } from './slots.js'
import type { Spool } from './spool.js'
import type { Hindrance, SlotEvents, SpoolEvents } from './spool-events.js'

/** Dependencies of an {@link Adopter}. */
export interface AdopterDeps {
  slots: Slots
  /** Creates the spool of a slot that is to be adopted. */
  createSpool: (slot: number, events: SpoolEvents) => Spool
  now: () => number
}

/** How often an idle transport looks for slots without a transport. */
const POLL_MS = 10000
/** Longest wait for the disk when a slot is released. */
const CLOSE_MS = 5000

/**
 * Sends the lines that other transports have left in their slots. It adopts one slot at a time, and the next one once all
 * lines of the current one are delivered.
 */
export class Adopter {
  readonly #deps: AdopterDeps
  readonly #events: SlotEvents
  #own = 0
  #spool: Spool | undefined
  #isOpen = false
  /** Slots that were adopted or tried since the last poll. */
  readonly #tried = new Set<number>()
  /** The last reported reason why a slot could not be opened, by slot. */
  readonly #reported = new Map<number, string>()
  #isDue = false
  #isSeeking = false
  #isStopped = false
  #timer: NodeJS.Timeout | undefined
  #finishing: Promise<void> = Promise.resolve()

  constructor (deps: AdopterDeps, events: SlotEvents) {
    this.#deps = deps
    this.#events = events
  }

  /** The spool of the currently adopted slot. */
  get spool (): Spool | undefined {
    return this.#spool
  }

  /** Starts looking for slots other than the transport's own. */
  start (own: number): void {
    this.#own = own
    this.#isDue = true
    this.proceed()
  }

  /** Moves on to the next slot if the current one has no lines left. Call it after lines were delivered or dropped. */
  proceed (): void {
    if (this.#isStopped) return
    if (this.#spool === undefined) {
      if (this.#isDue && !this.#isSeeking) this.#seek()
    } else if (this.#isOpen && this.#spool.lines === 0 && this.#spool.outstandingLines === 0) {
      this.#leave(this.#spool)
    }
  }

  /** Stops adopting and releases the current slot. Lines that are not settled stay in it. */
  async close (deadline: number): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await Promise.all([this.#finishing, this.#spool?.close(deadline)])
  }

  async #seek (): Promise<void> {
    this.#schedulePoll()
    if (!this.#events.mayAdopt()) return
    this.#isSeeking = true
    const slot = await this.#find()
    this.#isSeeking = false
    if (this.#isStopped) return
    if (slot === undefined) {
      this.#isDue = false
      this.#tried.clear()
    } else if (this.#events.mayAdopt()) {
      this.#open(slot)
    }
  }

  /** The next slot without a transport. */
  async #find (): Promise<number | undefined> {
    for (const slot of await this.#deps.slots.list()) {
      if (this.#isStopped) return undefined
      if (slot !== this.#own && !this.#tried.has(slot) && await this.#deps.slots.isOrphan(slot)) return slot
    }
    return undefined
  }

  #schedulePoll (): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#isDue = true
      if (this.#spool === undefined) this.proceed()
    }, POLL_MS).unref()
  }

  #open (slot: number): void {
    this.#tried.add(slot)
    const { onFault, onDropped, onFound, onLines } = this.#events
    const unused = (): void => {}
    const spool = this.#deps.createSpool(slot, {
      onEntered: unused,
      onFound: (lines, left) => onFound(lines, left),
      onOpened: recovered => this.#onOpened(recovered, slot),
      onHindered: hindrance => this.#onHindered(spool, slot, hindrance),
      onWritten: unused,
      onKept: unused,
      onReturned: unused,
      onWritable: unused,
      onLines: lines => onLines({ ...lines, spool: spool.identity }),
      onDropped: (lines, reason) => {
        onDropped(lines, reason)
        this.proceed()
      },
      onFault: fault => onFault({ ...fault, slot })
    })
    this.#spool = spool
    this.#isOpen = false
    spool.start()
  }

  #onOpened (recovered: Recovered, slot: number): void {
    this.#isOpen = true
    this.#reported.delete(slot)
    this.#events.onAdopted(recovered, slot)
    this.proceed()
  }

  /** Another process took the slot first, or the disk failed: goes on with the next slot. */
  #onHindered (spool: Spool, slot: number, hindrance: Hindrance): void {
    if (hindrance.kind === 'failed') {
      const reason = String(hindrance.error)
      if (this.#reported.get(slot) !== reason) this.#events.onFault({ during: 'adopt', error: hindrance.error, slot })
      this.#reported.set(slot, reason)
    }
    this.#leave(spool)
  }

  #leave (spool: Spool): void {
    this.#spool = undefined
    this.#isSeeking = true
    this.#finishing = spool.close(this.#deps.now() + CLOSE_MS).then(() => {
      this.#isSeeking = false
      this.proceed()
    })
  }
}
