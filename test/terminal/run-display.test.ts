import t from 'tap'
import type { FanoutSnapshot, SinkSnapshot } from 'pino-breaker-fanout'
import { RunDisplay } from '#lib/terminal/run-display'
import { plain } from '#lib/terminal/style'
import { HandClock } from '../support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => clock.release())

const transition = { sink: 'loki', from: 'closed', to: 'open', reason: 'network', generation: 1, consecutiveFailures: 3, openForMs: 0, retryInMs: 30000, time: 0 } as const
const STAMP = '2026-01-01T00:00:01.000Z pino-breaker-fanout:'

function show (terminal: { isTTY?: boolean, columns?: number, rows?: number }, isQuiet = false): { display: RunDisplay, take: () => string, snapshot: FanoutSnapshot } {
  let written = ''
  const sink = { name: 'loki', state: 'closed', stateForMs: 0, retryInMs: 0, linesDelivered: 7, linesSkipped: 0, linesDropped: {}, queueLines: 0, unsettledLines: 0, spoolLines: 0 }
  const snapshot = { upMs: 3000, sinks: [sink as unknown as SinkSnapshot] } as FanoutSnapshot
  const options = { terminal: Object.assign(terminal, { write: (text: string) => { written += text } }), clock, style: plain, isQuiet }
  const display = new RunDisplay({ snapshot: () => snapshot }, options)
  return {
    display,
    snapshot,
    take () {
      const text = written
      written = ''
      return text
    }
  }
}

t.test('where there is no terminal, each change is a line, and nothing else is told', t => {
  const { display, take, snapshot } = show({})
  display.onTransition(transition)
  display.onNotice({ sink: 'loki', kind: 'losing-lines', time: 0, facts: { lines: 3, withinMs: 10000 } })
  display.onMonitor('http://127.0.0.1:9464')
  clock.advance(60000)
  t.equal(take(), `${STAMP} loki: closed -> open, network; probes in 30 s\n${STAMP} loki: lost 3 lines within 10 s\n${STAMP} monitor at http://127.0.0.1:9464\n`)
  display.end(snapshot, ['loki: 3 lines lost: queue-full 3'])
  t.equal(take(), 'pino-breaker-fanout: loki: 3 lines lost: queue-full 3\n')
  t.equal(clock.timers, 0)
  t.end()
})

t.test('a breaker that opens and closes all the time makes no flood', t => {
  const { display, take, snapshot } = show({})
  for (let n = 0; n < 1000; n++) display.onTransition(transition)
  display.end(snapshot, [])
  const lines = take().trimEnd().split('\n')
  t.equal(lines.length, 11)
  t.match(lines.at(-1), '990 transitions')
  t.end()
})

t.test('on a terminal the table is redrawn twice a second, whatever happens', t => {
  const { display, take, snapshot } = show({ isTTY: true, columns: 80, rows: 24 })
  t.match(take(), 'loki  closed')
  for (let n = 0; n < 100; n++) display.onTransition(transition)
  t.equal(take().split('\u001B7').length, 1, 'no change redraws it')
  clock.advance(3000)
  t.equal(take().split('\u001B[23;1H').length, 7)
  display.onMonitor('http://127.0.0.1:9464')
  clock.advance(500)
  t.match(take(), 'pino-breaker-fanout, http://127.0.0.1:9464, up 3 s')
  display.end(snapshot, ['something'])
  t.match(take(), /\[r.*pino-breaker-fanout.*\nsink .*\nloki .*\nsomething\n$/s)
  clock.advance(5000)
  t.equal(take(), '')
  t.equal(clock.timers, 0)
  t.end()
})

t.test('a terminal that becomes too small shows no table, and one again once it has grown', t => {
  const terminal = { isTTY: true, columns: 80, rows: 24 }
  const { display, take, snapshot } = show(terminal)
  for (const small of [{ columns: 10 }, { columns: 80, rows: 6 }]) {
    Object.assign(terminal, small)
    clock.advance(500)
    clock.advance(500)
    take()
    clock.advance(500)
    t.equal(take(), '')
  }
  Object.assign(terminal, { rows: 24 })
  clock.advance(500)
  t.match(take(), 'loki  closed')
  display.end(snapshot, [])
  t.end()
})

t.test('a terminal is given back when the process is stopped, and taken again when it goes on', t => {
  const { display, take, snapshot } = show({ isTTY: true, columns: 80, rows: 24 })
  take()
  display.suspend()
  t.match(take(), '\u001B[r')
  clock.advance(5000)
  t.equal(take(), '')
  display.resume()
  t.match(take(), 'loki  closed')
  display.end(snapshot, [])
  t.end()
})

t.test('a quiet run tells only what it has come to', t => {
  for (const isTTY of [true, false]) {
    const { display, take, snapshot } = show({ isTTY, columns: 80, rows: 24 }, true)
    display.onTransition(transition)
    display.noteSignal('SIGTERM: ending')
    clock.advance(5000)
    t.equal(take(), '')
    display.end(snapshot, ['loki: 3 lines lost: queue-full 3'])
    t.match(take(), 'loki: 3 lines lost: queue-full 3\n')
  }
  t.end()
})
