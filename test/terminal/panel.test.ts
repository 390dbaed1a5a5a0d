import t from 'tap'
import { Panel } from '#lib/terminal/panel'

const ESC = '\u001B'

function panelOn (terminal: { rows: number }): { panel: Panel, take: () => string } {
  let written = ''
  const panel = new Panel(Object.defineProperty({ write: (text: string) => { written += text } }, 'rows', { get: () => terminal.rows }))
  return {
    panel,
    take () {
      const text = written
      written = ''
      return text.replaceAll(ESC, '^')
    }
  }
}

t.test('a panel makes room at the bottom, is drawn there, and leaves the cursor where it was', t => {
  const { panel, take } = panelOn({ rows: 10 })
  panel.draw(['one', 'two'])
  t.equal(take(), '\n\n^[2A^7^[1;8r^8' + '^7^[?7l^[9;1H^[2Kone^[10;1H^[2Ktwo^[?7h^8')
  panel.draw(['three', 'four'])
  t.equal(take(), '^7^[?7l^[9;1H^[2Kthree^[10;1H^[2Kfour^[?7h^8', 'there is room already')
  t.end()
})

t.test('another height, or another terminal size, makes room again', t => {
  const terminal = { rows: 10 }
  const { panel, take } = panelOn(terminal)
  panel.draw(['one', 'two'])
  take()
  panel.draw(['one'])
  t.match(take(), '^7^[r^[9;1H^[J^8\n^[1A^7^[1;9r^8')
  terminal.rows = 20
  panel.draw(['one'])
  t.match(take(), '^7^[r^[10;1H^[J^8\n^[1A^7^[1;19r^8')
  t.end()
})

t.test('closing gives all of the terminal back, once, with the lines that were shown', t => {
  const { panel, take } = panelOn({ rows: 10 })
  t.same(panel.close(), [])
  t.equal(take(), '')
  panel.draw(['one', 'two'])
  take()
  t.same(panel.close(), ['one', 'two'])
  t.equal(take(), '^7^[r^[9;1H^[J^8')
  t.same(panel.close(), [])
  t.equal(take(), '')
  t.equal(panel.room, 6)
  t.end()
})
