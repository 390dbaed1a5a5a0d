import fc from 'fast-check'
import t from 'tap'
import { widthOf } from '#lib/terminal/printable'
import { Rates } from '#lib/terminal/rates'
import type { ShownSink } from '#lib/terminal/sink-facts'
import { coloured, plain, styleFor } from '#lib/terminal/style'
import { MIN_COLUMNS, tableOf, type TableView } from '#lib/terminal/table'

function sink (fields: Partial<ShownSink>): ShownSink {
  return { name: 'file', state: 'closed', stateForMs: 0, retryInMs: 0, linesDelivered: 0, linesSkipped: 0, linesDropped: {}, queueLines: 0, unsettledLines: 0, spoolLines: 0, ...fields }
}

function table (sinks: readonly ShownSink[], view: Partial<TableView> = {}): string[] {
  return tableOf({ snapshot: { upMs: 65000, sinks }, rates: { of: () => 12345.6 }, title: 'transport', columns: 120, style: plain, ...view })
}

const broken = sink({ name: 'loki', state: 'open', stateForMs: 12000, retryInMs: 18000, linesDelivered: 5, linesSkipped: 3, linesDropped: { 'queue-full': 4 }, queueLines: 1, unsettledLines: 2, spoolLines: 4000, lastError: { type: 'Error', message: 'ERR_FANOUT_SINK_REPORTED: no answer', cause: { type: 'Error', message: 'connect ECONNREFUSED' } } })

t.test('a table tells of each sink its state, its pace, what waits, what is lost, and what the last error was caused by', t => {
  t.same(table([sink({ linesDelivered: 1234567 }), broken]), [
    'transport, up 1 min 5 s',
    'sink  state                      lines/s  delivered  backlog  lost  last error',
    'file  closed                      12,346  1,234,567        0     0',
    'loki  open 12 s, probes in 18 s   12,346          5    4,003     7  connect ECONNREFUSED'
  ])
  t.end()
})

t.test('without any error there is no column for one', t => {
  t.equal(table([sink({})])[1], 'sink  state   lines/s  delivered  backlog  lost')
  t.end()
})

t.test('on a narrow terminal the error is cut first, then columns go, and never the state', t => {
  const titles = (columns: number): string => (table([sink({}), broken], { columns })[1] as string).replace(/ +/g, ' ')
  t.equal(titles(90), 'sink state lines/s delivered backlog lost last error')
  t.match(table([broken], { columns: 80 })[2], / {2}connect ECON.*…$/)
  t.equal(titles(65), 'sink state lines/s backlog lost last error')
  t.equal(titles(50), 'sink state lines/s backlog lost')
  t.equal(titles(38), 'sink state backlog lost')
  t.equal(titles(30), 'sink state lost')
  t.equal(titles(24), 'sink state')
  t.end()
})

t.test('where there is no room for all sinks, those in trouble stay, in their order', t => {
  const sinks = [...Array.from({ length: 5 }, (_, n) => sink({ name: `s${n}` })), broken, sink({ name: 'slow', queueLines: 1 })]
  t.same(table(sinks, { rows: 5 }).slice(2).map(line => line.split('  ')[0]), ['loki', 'slow', 'and 5 more'])
  t.equal(table(sinks, { rows: 9 }).length, 9)
  t.end()
})

t.test('without room for all, an open breaker comes before losses, and losses before lines that wait', t => {
  const sinks = [sink({ name: 'waits', queueLines: 9 }), sink({ name: 'lost', linesSkipped: 9, queueLines: 9 }), sink({ name: 'open', state: 'open' })]
  const shown = (rows: number): string[] => table([...sinks, sink({})], { rows }).slice(2).map(line => line.split(' ')[0] as string)
  t.same(shown(4), ['open', 'and'])
  t.same(shown(5), ['lost', 'open', 'and'])
  t.end()
})

t.test('no line is wider than the terminal, and there are no more lines than rows, whatever the sinks are called', t => {
  const anySink = fc.record({
    name: fc.string({ unit: 'binary' }),
    state: fc.constantFrom('closed' as const, 'open' as const, 'half-open' as const),
    stateForMs: fc.nat(),
    retryInMs: fc.nat(),
    linesDelivered: fc.nat(),
    queueLines: fc.nat(),
    linesSkipped: fc.nat(),
    message: fc.string({ unit: 'binary' })
  }).map(({ message, ...fields }) => sink({ ...fields, lastError: { type: 'Error', message } }))
  fc.assert(fc.property(fc.array(anySink), fc.integer({ min: MIN_COLUMNS, max: 200 }), fc.integer({ min: 3, max: 30 }), (sinks, columns, rows) => {
    const lines = table(sinks, { columns, rows })
    return lines.length <= rows && lines.every(line => widthOf(line) <= columns)
  }))
  t.end()
})

t.test('colours change nothing but the look', t => {
  const sinks = [sink({}), broken]
  t.same(table(sinks, { style: coloured }).map(line => line.replace(/\p{Cc}\[\d+m/gu, '')), table(sinks).map(line => line))
  t.match(table(sinks, { style: coloured })[3], '\u001B[31mopen 12 s')
  t.end()
})

for (const [env, isTerminal, isColoured] of [
  [{}, true, true], [{}, false, false], [{ NO_COLOR: '1' }, true, false], [{ NO_COLOR: '' }, true, true], [{ TERM: 'dumb' }, true, false],
  [{ FORCE_COLOR: '1' }, false, true], [{ FORCE_COLOR: '' }, false, true], [{ FORCE_COLOR: '0' }, true, false], [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false, true]
] as const) {
  t.test(`${isTerminal ? 'a terminal' : 'a file'} with ${JSON.stringify(env)} gets ${isColoured ? '' : 'no '}colours`, t => {
    t.equal(styleFor(env, isTerminal), isColoured ? coloured : plain)
    t.end()
  })
}

t.test('a pace is that of the last seconds, and begins anew when the transport does', t => {
  const rates = new Rates()
  const add = (upMs: number, linesDelivered: number): number => {
    rates.add({ upMs, sinks: [sink({ linesDelivered })] })
    return rates.of('file')
  }
  t.equal(add(0, 0), 0)
  t.equal(add(1000, 100), 100)
  t.equal(add(3000, 100), 100 / 3)
  for (let upMs = 4000; upMs <= 10000; upMs += 1000) add(upMs, 100)
  t.equal(add(11000, 100), 0, 'what was long ago does not count')
  t.equal(add(500, 7), 0)
  t.equal(add(1500, 8), 1)
  t.equal(rates.of('nobody'), 0)
  t.end()
})
