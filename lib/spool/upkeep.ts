import type { CursorFile } from './cursor.js'
import type { Position } from './position.js'
import type { Segments } from './segments.js'
import type { SpoolFault } from './spool-events.js'
import type { Turns } from './turns.js'
import type { Writer } from './writer.js'

/** What is looked after. */
export interface UpkeepDeps {
  turns: Turns
  segments: Segments
  writer: Writer
  cursorFile: CursorFile
  syncMs: number
  /** Makes sure that the folder is still there. */
  checkFolder: () => Promise<void>
}

/** Syncs, frees the disk of what is delivered, and says how far that is: `syncMs` after something has changed. */
export class Upkeep {
  readonly #deps: UpkeepDeps
  readonly #onFault: (fault: SpoolFault) => void
  /** What the cursor on the disk says, once it is known what it stands for. */
  #savedCursor: Position | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor (deps: UpkeepDeps, onFault: (fault: SpoolFault) => void) {
    this.#deps = deps
    this.#onFault = onFault
  }

  /**
   * What an earlier life has left is being counted, and so the cursor stands on the disk. Until then lines are synced, but
   * nothing is removed, and the cursor stays where it is.
   */
  begin (cursor: Position | undefined): void {
    if (this.#savedCursor !== undefined) return
    this.#savedCursor = cursor ?? { segment: 0, offset: 0 }
    this.schedule()
  }

  /** The folder is gone, and the cursor with it. */
  suspend (): void {
    this.#savedCursor = undefined
  }

  /** Something has changed. */
  schedule (): void {
    if (this.#isStopped) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#deps.turns.take(async () => {
        if (this.#isStopped) return
        await this.#deps.checkFolder()
        await this.#deps.writer.sync()
        if (!await this.#tidy()) this.schedule()
      })
    }, this.#deps.syncMs)
  }

  /** Nothing is done by itself any more. */
  stop (): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** The last time. */
  async finish (): Promise<void> {
    await this.#deps.writer.seal()
    await this.#tidy()
    await this.#deps.segments.release()
  }

  /** @returns whether there is nothing left to be done */
  async #tidy (): Promise<boolean> {
    if (this.#savedCursor === undefined) return true
    const { segments, writer } = this.#deps
    if (segments.open?.isDelivered === true && segments.open.bytes > 0) await writer.seal()
    const isTidy = await this.#attempt('remove', () => segments.removeDelivered())
    return await this.#saveCursor(this.#savedCursor) && isTidy
  }

  async #saveCursor (saved: Position): Promise<boolean> {
    const { cursor } = this.#deps.segments
    // As long as segments before that of the cursor are still being counted, it stays.
    if (cursor.segment < saved.segment || (cursor.segment === saved.segment && cursor.offset <= saved.offset)) return true
    return await this.#attempt('cursor', async () => {
      await this.#deps.cursorFile.write(cursor)
      this.#savedCursor = cursor
    })
  }

  async #attempt (during: SpoolFault['during'], act: () => Promise<void>): Promise<boolean> {
    try {
      await act()
      return true
    } catch (error) {
      this.#onFault({ during, error })
      return false
    }
  }
}
