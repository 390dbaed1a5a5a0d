/** The look of a text. */
export type Tone = 'good' | 'bad' | 'warning' | 'faint' | 'strong'

/** Gives a text the look of a tone, or leaves it as it is. */
export type Style = (tone: Tone, text: string) => string

const CODES: Readonly<Record<Tone, readonly [number, number]>> = { good: [32, 39], bad: [31, 39], warning: [33, 39], faint: [2, 22], strong: [1, 22] }

/** Shows texts as they are. */
export const plain: Style = (_tone, text) => text

/** Shows texts in colour. */
export const coloured: Style = (tone, text) => {
  const [on, off] = CODES[tone]
  return text === '' ? '' : `\u001B[${on}m${text}\u001B[${off}m`
}

/**
 * Chooses whether to use colours: on a terminal that has them, unless `NO_COLOR` is set (no-color.org). `FORCE_COLOR` decides
 * alone if it is set, as in Node.js: `0` and `false` mean no colours, anything else means colours.
 */
export function styleFor (env: NodeJS.ProcessEnv, isTerminal: boolean): Style {
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: term } = env
  if (force !== undefined) return force === '0' || force === 'false' ? plain : coloured
  return isTerminal && (no === undefined || no === '') && term !== 'dumb' ? coloured : plain
}
