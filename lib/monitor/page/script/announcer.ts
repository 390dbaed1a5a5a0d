import { setText } from './element.js'

/** Between two announcements of what happens by itself. A sink that flaps must not drown a screen reader. */
const QUIET_MS = 5000
const SHOWN_MS = 10_000
const MAX_SENTENCES = 3

/** Says what has happened to who cannot see it, politely and not too often; and shows results of actions for a while. */
export class Announcer {
  readonly #spoken: HTMLElement
  readonly #shown: HTMLElement
  #waiting: string[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #hide: ReturnType<typeof setTimeout> | undefined

  /**
   * @param spoken - A live region that nobody sees
   * @param shown - A live region for results
   */
  constructor (spoken: HTMLElement, shown: HTMLElement) {
    this.#spoken = spoken
    this.#shown = shown
  }

  /** Announces something soon, together with what else has happened until then. */
  say (sentence: string): void {
    this.#waiting.push(sentence)
    if (this.#timer === undefined) this.#speak()
  }

  /** Shows and announces the result of an action. */
  tell (sentence: string): void {
    setText(this.#shown, sentence)
    clearTimeout(this.#hide)
    this.#hide = setTimeout(() => setText(this.#shown, ''), SHOWN_MS)
  }

  #speak (): void {
    if (this.#waiting.length === 0) {
      this.#timer = undefined
      return
    }
    const left = this.#waiting.length - MAX_SENTENCES
    const last = this.#waiting.slice(-MAX_SENTENCES)
    setText(this.#spoken, left > 0 ? `${left} more changes. ${last.join(' ')}` : last.join(' '))
    this.#waiting = []
    this.#timer = setTimeout(() => this.#speak(), QUIET_MS)
  }
}
