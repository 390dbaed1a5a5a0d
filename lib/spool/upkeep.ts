import type { CursorFile } from './cursor.js'
import type { Position } from './position.js'
import type { Segments } from './segments.js'
import type { SpoolFault } from './spool-events.js'
import type { Turns } from './turns.js'
import type { Writer } from './writer.js'

/** Dependencies of an {@link Upkeep}. */
export interface UpkeepDeps {
  turns: Turns
  segments: Segments
  writer: Writer
  cursorFile: CursorFile
  syncMs: number
  /** Checks that the folder still exists. */
  checkFolder: () => Promise<void>
}

/** Maintains the files of a spool: syncs lines, removes delivered segments and saves the cursor, `syncMs` after a change. */
export class Upkeep {
  readonly #deps: UpkeepDeps
  readonly #onFault: (fault: SpoolFault) => void
  /** The position of the cursor on the disk, once it is known. */
  #savedCursor: Position | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor (deps: UpkeepDeps, onFault: (fault: SpoolFault) => void) {
    this.#deps = deps
    this.#onFault = onFault
  }

  /**
   * Starts removing segments and saving the cursor. Before that, lines are synced only. Call it once the cursor of earlier
   * runs was read; later calls have no effect.
   */
  begin (cursor: Position | undefined): void {
    if (this.#savedCursor !== undefined) return
    this.#savedCursor = cursor ?? { segment: 0, offset: 0 }
    this.schedule()
  }

  /** Undoes {@link begin}: the folder and its cursor are lost. */
  suspend (): void {
    this.#savedCursor = undefined
  }

  /** Schedules maintenance after a change. */
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

  /** Stops scheduled maintenance. */
  stop (): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** Does the last maintenance, and closes all files. */
  async finish (): Promise<void> {
    await this.#deps.writer.seal()
    await this.#tidy()
    await this.#deps.segments.release()
  }

  /** @returns whether everything succeeded, so that no retry is needed */
  async #tidy (): Promise<boolean> {
    if (this.#savedCursor === undefined) return true
    const { segments, writer } = this.#deps
    if (segments.open?.isDelivered === true && segments.open.bytes > 0) await writer.seal()
    const isTidy = await this.#attempt('remove', () => segments.removeDelivered())
    return await this.#saveCursor(this.#savedCursor) && isTidy
  }

  async #saveCursor (saved: Position): Promise<boolean> {
    const { cursor } = this.#deps.segments
    // The cursor never moves back: it is behind the saved one while earlier segments are still being counted.
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
