/** Characters that take two columns: East Asian wide and fullwidth ones (Unicode TR 11), and emoji. */
const WIDE = /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{1B000}-\u{1B2FF}\u{1F200}-\u{1F2FF}\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}/u
const MARK = /\p{M}/u
/** A text that is longer is not looked at any further: no terminal shows that much in a line. */
const MAX_LENGTH = 4096
const ELLIPSIS = '…'

/**
 * A text of somebody else as one line that a terminal shows and does not obey. Control characters, such as those that begin an
 * ANSI sequence, become visible symbols. So do invisible ones, such as marks that change the direction of writing. A run of white
 * space becomes one space, and a character keeps at most two combining marks.
 */
export function printable (text: string): string {
  return text.slice(0, MAX_LENGTH)
    // They only choose between the forms of a character, which differ in width.
    .replace(/[\uFE00-\uFE0F\u{E0100}-\u{E01EF}]/gu, '')
    .replace(/\s+/gu, ' ')
    .replace(/\p{C}/gu, symbolOf)
    .replace(/(\p{M}{2})\p{M}+/gu, '$1')
}

/** `␛` for the escape character; `�` for what has no symbol of its own. */
function symbolOf (character: string): string {
  const code = character.codePointAt(0) as number
  if (code < 0x20) return String.fromCodePoint(0x2400 + code)
  return code === 0x7F ? '\u2421' : '\uFFFD'
}

/** The number of columns that a printable text takes. Terminals may differ in rare characters. */
export function widthOf (text: string): number {
  let width = 0
  for (const character of text) width += columnsOf(character)
  return width
}

/** The text itself, or as much of it as fits into so many columns, with `…` at its end. */
export function cut (text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  let left = width - 1
  for (const character of text) {
    left -= columnsOf(character)
    if (left < 0) break
    kept += character
  }
  return width < 1 ? '' : kept + ELLIPSIS
}

/** A text in exactly so many columns, cut or filled with spaces. */
export function fit (text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const shown = cut(text, width)
  const space = ' '.repeat(Math.max(0, width - widthOf(shown)))
  return side === 'left' ? shown + space : space + shown
}

function columnsOf (character: string): number {
  if (MARK.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}
