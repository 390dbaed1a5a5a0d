const PLAIN_INTERVAL_MS = 2000

const CLEAR_LINE = '\x1b[2K'
const SAVE_CURSOR = '\x1b7'
const RESTORE_CURSOR = '\x1b8'
const SCROLL_EVERYWHERE = '\x1b[r'
const colors = { closed: '\x1b[32m', open: '\x1b[31m', 'half-open': '\x1b[33m', none: '\x1b[0m' }

/**
 * Shows what happens. On a terminal the sinks stand still in the last rows, and everything else, also what a worker
 * thread writes there, scrolls above them; elsewhere all is plain lines.
 */
export function createScreen (output, sinks) {
  const panelRows = sinks + 2
  let pinned = output.isTTY === true && output.rows > panelRows + 5
  let lastPlain = -Infinity

  if (pinned) {
    // Makes room first, so that nothing that stands there already is written over.
    const top = output.rows - panelRows
    output.write('\n'.repeat(panelRows) + `\x1b[1;${top}r\x1b[${top};1H`)
  }

  return {
    say (text = '') {
      output.write(`${text}\n`)
    },
    show (snapshot) {
      if (pinned) {
        const lines = ['', describeHead(), ...snapshot.sinks.map(sink => colors[sink.state] + describeSink(sink) + colors.none)]
        const first = output.rows - panelRows + 1
        // One write, so that nobody else's comes in between.
        output.write(SAVE_CURSOR + lines.map((line, i) => `\x1b[${first + i};1H${CLEAR_LINE}${line}`).join('') + RESTORE_CURSOR)
      } else if (snapshot.time - lastPlain >= PLAIN_INTERVAL_MS) {
        lastPlain = snapshot.time
        output.write([describeHead(), ...snapshot.sinks.map(describeSink), ''].join('\n'))
      }
    },
    /** Gives the whole terminal back. */
    close () {
      if (pinned) output.write(`${SCROLL_EVERYWHERE}\x1b[${output.rows};1H\n`)
      pinned = false
    }
  }
}

function describeHead () {
  return row('sink', 'state', 'lines in', 'delivered', 'held', 'dropped')
}

function describeSink ({ name, state, linesReceived, linesDelivered, queueLines, unsettledLines, linesDropped }) {
  const dropped = Object.values(linesDropped).reduce((sum, lines) => sum + lines, 0)
  return row(name, state, linesReceived, linesDelivered, queueLines + unsettledLines, dropped)
}

function row (name, state, ...numbers) {
  return `  ${name.padEnd(10)} ${state.padEnd(10)}${numbers.map(number => String(number).padStart(10)).join('')}`
}
