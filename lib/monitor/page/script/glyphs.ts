import { svg } from './element.js'
import type { CircuitState } from './messages.js'

/** The switch of a circuit: shut, half-way, open. */
const SWITCHES: Readonly<Record<CircuitState, string>> = {
  closed: 'M1 8H5M11 8H15M5 8H11',
  'half-open': 'M1 8H5M11 8H15M5 8L10.6 5.4',
  open: 'M1 8H5M11 8H15M5 8L8.4 2.4'
}

/** The sign of a state: the symbol of a switch in its position. The word stands beside it. */
export class StateGlyph {
  readonly element = svg('svg', { class: 'glyph', viewBox: '0 0 16 16', 'aria-hidden': 'true' })
  readonly #arm = svg('path')

  constructor (state: CircuitState = 'closed') {
    this.element.append(this.#arm, svg('circle', { cx: 5, cy: 8, r: 1.7 }), svg('circle', { cx: 11, cy: 8, r: 1.7 }))
    this.show(state)
  }

  show (state: CircuitState): void {
    this.#arm.setAttribute('d', SWITCHES[state])
  }
}
