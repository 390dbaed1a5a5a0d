// Makes a picture of a terminal: the text that `tmux capture-pane -p -e` gives, with its colours, as an SVG whose text is text.

const FONT_SIZE = 14
const [CHAR_WIDTH, LINE_HEIGHT, PADDING] = [8.43, 19, 16]
const BACKGROUND = '#1f2430'
const FOREGROUND = '#d5d9e2'
const COLOURS = { 31: '#f47b7b', 32: '#7fca8b', 33: '#e6c15a', 34: '#7aa9f0', 35: '#cf9bea', 36: '#6cc7d1' }
const FAINT = 0.62

/**
 * @param text - Lines with SGR sequences
 * @param columns - The width of the terminal
 * @param title - What the picture shows, for those who cannot see it
 */
export function terminalSvg (text, columns, title) {
  const lines = text.replace(/\n+$/, '').split('\n')
  const [width, height] = [Math.ceil(columns * CHAR_WIDTH + 2 * PADDING), lines.length * LINE_HEIGHT + 2 * PADDING]
  const style = { colour: undefined, isBold: false, isFaint: false }
  const rows = lines.map((line, row) => {
    const y = PADDING + row * LINE_HEIGHT + FONT_SIZE
    return runsOf(line, style).filter(({ text }) => text.trim() !== '').map(run => {
      // Leading spaces are left out, so that no viewer can drop them.
      const start = run.column + run.text.length - run.text.trimStart().length
      const looks = [
        run.isBold ? ' font-weight="bold"' : '',
        run.colour === undefined ? '' : ` fill="${run.colour}"`,
        run.isFaint ? ` opacity="${FAINT}"` : ''
      ].join('')
      const length = run.text.trim().length
      return `<text x="${round(PADDING + start * CHAR_WIDTH)}" y="${y}" textLength="${round(length * CHAR_WIDTH)}"${looks}>${escape(run.text.trim())}</text>`
    }).join('')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escape(title)}</title>
<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT_SIZE}" fill="${FOREGROUND}" xml:space="preserve">
${rows.filter(row => row !== '').join('\n')}
</g>
</svg>
`
}

/** The pieces of a line that look the same. `style` is changed, since it goes on in the next line. */
function runsOf (line, style) {
  const runs = []
  let column = 0
  for (const [, codes, text] of line.matchAll(/(?:\p{Cc}\[([\d;]*)m)?(\P{Cc}*)/gu)) {
    if (codes !== undefined) for (const code of codes.split(';')) apply(style, Number(code))
    // Two spaces end a run: the next one then begins where its column does, whatever the font.
    for (const piece of text.split(/(?<= {2})(?=\S)/)) {
      if (piece !== '') runs.push({ ...style, column, text: piece })
      column += piece.length
    }
  }
  return runs
}

function apply (style, code) {
  if (code === 0) Object.assign(style, { colour: undefined, isBold: false, isFaint: false })
  else if (code === 1) style.isBold = true
  else if (code === 2) style.isFaint = true
  else if (code === 22) style.isBold = style.isFaint = false
  else if (code === 39) style.colour = undefined
  else if (code in COLOURS) style.colour = COLOURS[code]
}

function escape (text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function round (value) {
  return Math.round(value * 100) / 100
}
