import type { ActionKind } from './action-kinds.js'
import { byId, element, setAttribute, setText } from './element.js'
import { readable, readableLine } from './format.js'
import type { Requests } from './requests.js'

/** An action that waits for its confirmation. */
interface Pending {
  readonly kind: ActionKind
  readonly sink: string
}

/** Asks before each action, sends it, and tells what became of it. The browser's own dialog keeps the focus, and returns it. */
export class Actions {
  readonly #requests: Requests
  readonly #tell: (text: string) => void
  readonly #dialog = byId<HTMLDialogElement>('question')
  readonly #title = byId('question-title')
  readonly #text = byId('question-text')
  readonly #levelField = byId('question-level')
  readonly #level = byId<HTMLInputElement>('level')
  readonly #tokenField = byId('question-token')
  readonly #token = byId<HTMLInputElement>('token')
  readonly #fault = byId('question-fault')
  readonly #confirm = byId<HTMLButtonElement>('confirm')
  readonly #cancel = byId<HTMLButtonElement>('cancel')
  #pending: Pending | undefined

  /** @param tell - Shows and announces a result */
  constructor (requests: Requests, tell: (text: string) => void) {
    this.#requests = requests
    this.#tell = tell
    this.#cancel.addEventListener('click', () => this.#dialog.close())
    this.#dialog.addEventListener('close', () => {
      this.#pending = undefined
      this.#token.value = ''
    })
    this.#dialog.addEventListener('click', event => { if (event.target === this.#dialog) this.#dialog.close() })
    byId<HTMLFormElement>('question-form').addEventListener('submit', event => {
      event.preventDefault()
      this.#send()
    })
  }

  /** The button of an action, which opens its question. */
  button (kind: ActionKind, sink = ''): HTMLButtonElement {
    const button = element('button', { type: 'button', class: 'action', 'aria-haspopup': 'dialog' }, kind.label)
    if (sink !== '') setAttribute(button, 'aria-label', `${kind.label}: ${readableLine(sink, 80)}`)
    button.addEventListener('click', () => this.#ask({ kind, sink }))
    return button
  }

  #ask (pending: Pending): void {
    const { kind, sink } = this.#pending = pending
    const asksLevel = kind.asksLevel === true
    setText(this.#title, sink === '' ? kind.verb : `${kind.verb}: ${readableLine(sink, 60)}`)
    setText(this.#text, kind.question(nameOf(sink)))
    setAttribute(this.#levelField, 'hidden', !asksLevel)
    setAttribute(this.#level, 'required', asksLevel)
    this.#level.value = ''
    this.#askToken(false)
    this.#fail('')
    this.#setBusy(false)
    setText(this.#confirm, kind.verb)
    this.#dialog.showModal()
    ;(asksLevel ? this.#level : this.#cancel).focus()
  }

  async #send (): Promise<void> {
    const pending = this.#pending
    if (pending === undefined) return
    const { kind, sink } = pending
    if (this.#token.value !== '') this.#requests.use(this.#token.value)
    this.#fail('')
    this.#setBusy(true)
    const outcome = await this.#post(kind, sink)
    // The question was cancelled meanwhile: what was sent is told of all the same.
    const isOpen = this.#pending === pending
    this.#setBusy(false)
    if (outcome.kind === 'done') {
      if (isOpen) this.#dialog.close()
      this.#tell(kind.done(nameOf(sink)))
    } else if (!isOpen) {
      this.#tell(outcome.kind === 'failed' ? readable(outcome.message, 400) : 'Not done: the monitor asks for its token.')
    } else if (outcome.kind === 'failed') {
      this.#fail(readable(outcome.message, 400))
    } else {
      this.#fail(this.#requests.hasToken ? 'The monitor does not accept this token.' : 'The monitor asks for its token.')
      this.#askToken(true)
      this.#token.focus()
    }
  }

  #post (kind: ActionKind, sink: string): ReturnType<Requests['post']> {
    try {
      return this.#requests.post(kind.path(sink), kind.asksLevel === true ? { level: levelOf(this.#level.value) } : undefined)
    } catch {
      // A name with half a character cannot be part of a URL.
      return Promise.resolve({ kind: 'failed', message: 'This sink has a name that no address can hold.' })
    }
  }

  #askToken (isAsked: boolean): void {
    setAttribute(this.#tokenField, 'hidden', !isAsked)
    setAttribute(this.#token, 'required', isAsked)
  }

  #fail (message: string): void {
    setAttribute(this.#fault, 'hidden', message === '')
    setText(this.#fault, message)
  }

  #setBusy (isBusy: boolean): void {
    this.#confirm.disabled = isBusy
    setAttribute(this.#dialog, 'aria-busy', String(isBusy))
  }
}

/** A name within a sentence: isolated, so that it cannot turn the words around it. */
function nameOf (sink: string): string {
  return `“\u2068${readableLine(sink, 60)}\u2069”`
}

/** `30` is a number, and all else a label. */
function levelOf (text: string): string | number {
  const level = text.trim()
  return /^\d+$/.test(level) ? Number(level) : level
}
