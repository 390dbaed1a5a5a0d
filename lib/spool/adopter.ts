import type { Recovered } from './recovery.js'
import type { Slots } from './slots.js'
import type { Spool } from './spool.js'
import type { Hindrance, SlotEvents, SpoolEvents } from './spool-events.js'

/** Dependencies of an {@link Adopter}. */
export interface AdopterDeps {
  slots: Slots
  /** Makes the spool of a slot that is to be adopted. */
  createSpool: (slot: number, events: SpoolEvents) => Spool
  now: () => number
}

/** How often an idle transport looks for slots that no transport has any more. */
const POLL_MS = 10000
/** A slot that has been sent is given free within so many ms, whatever the disk does. */
const CLOSE_MS = 5000

/**
 * Sends what other transports have left: opens their slots one after the other, each once the lines of the one before
 * have been delivered.
 */
export class Adopter {
  readonly #deps: AdopterDeps
  readonly #events: SlotEvents
  #own = 0
  #spool: Spool | undefined
  #isOpen = false
  /** Slots that have had their turn since the last poll. */
  readonly #tried = new Set<number>()
  /** Why a slot could not be opened, as it was told last. */
  readonly #told = new Map<number, string>()
  #isDue = false
  #isSeeking = false
  #isStopped = false
  #timer: NodeJS.Timeout | undefined
  #finishing: Promise<void> = Promise.resolve()

  constructor (deps: AdopterDeps, events: SlotEvents) {
    this.#deps = deps
    this.#events = events
  }

  /** The spool of the slot that is adopted now. */
  get spool (): Spool | undefined {
    return this.#spool
  }

  /** Begins to look for slots beside the own one. */
  start (own: number): void {
    this.#own = own
    this.#isDue = true
    this.proceed()
  }

  /** Goes on, after lines were delivered or dropped: to the next slot if this one has none left. */
  proceed (): void {
    if (this.#isStopped) return
    if (this.#spool === undefined) {
      if (this.#isDue && !this.#isSeeking) this.#seek()
    } else if (this.#isOpen && this.#spool.lines === 0 && this.#spool.outstandingLines === 0) {
      this.#leave(this.#spool)
    }
  }

  /** Adopts no more, and gives free what it has: what is not settled stays there. */
  async close (deadline: number): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await Promise.all([this.#finishing, this.#spool?.close(deadline)])
  }

  async #seek (): Promise<void> {
    this.#await()
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

  /** The next slot that nobody has. */
  async #find (): Promise<number | undefined> {
    for (const slot of await this.#deps.slots.list()) {
      if (this.#isStopped) return undefined
      if (slot !== this.#own && !this.#tried.has(slot) && await this.#deps.slots.isOrphan(slot)) return slot
    }
    return undefined
  }

  #await (): void {
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
    this.#told.delete(slot)
    this.#events.onAdopted(recovered, slot)
    this.proceed()
  }

  /** Another process was quicker, or the disk refuses: the next one has its turn. */
  #onHindered (spool: Spool, slot: number, hindrance: Hindrance): void {
    if (hindrance.kind === 'failed') {
      const reason = String(hindrance.error)
      if (this.#told.get(slot) !== reason) this.#events.onFault({ during: 'adopt', error: hindrance.error, slot })
      this.#told.set(slot, reason)
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
