type Listener = () => void

/** The moment that the reader points at. All charts show it, and their numbers are those of this moment. */
export class Cursor {
  readonly #listeners = new Set<Listener>()
  #share: number | undefined

  /** Where it is between the left and the right edge of all charts, from 0 to 1; `undefined` if it is nowhere. */
  get share (): number | undefined {
    return this.#share
  }

  onMove (listener: Listener): void {
    this.#listeners.add(listener)
  }

  /** Follows the pointer over a chart. */
  follow (chart: Element): void {
    chart.addEventListener('pointermove', event => {
      const { left, width } = chart.getBoundingClientRect()
      if (width > 0) this.#move(Math.min(1, Math.max(0, ((event as PointerEvent).clientX - left) / width)))
    })
    for (const type of ['pointerleave', 'pointercancel']) chart.addEventListener(type, () => this.#move(undefined))
  }

  #move (share: number | undefined): void {
    if (share === this.#share) return
    this.#share = share
    for (const listener of this.#listeners) listener()
  }
}
