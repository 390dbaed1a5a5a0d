import t from 'tap'
import { Ledger } from '#lib/lane/ledger'
import type { Loss } from '#lib/reports/loss-report'

function createLedger (): { ledger: Ledger, losses: Array<[Loss, number]> } {
  const losses: Array<[Loss, number]> = []
  return { ledger: new Ledger((loss, lines) => { losses.push([loss, lines]) }), losses }
}

t.test('a new ledger is empty', async t => {
  t.same(createLedger().ledger.entries, { linesReceived: 0, linesDelivered: 0, linesSkipped: 0, linesDropped: {}, linesDroppedProtected: 0, linesFallback: 0, linesDeadLettered: 0, failures: {}, lateFaults: 0 })
})

t.test('every line is entered where it ended', async t => {
  const { ledger, losses } = createLedger()
  t.teardown(() => ledger.settleLosses())
  ledger.receive(10)
  ledger.deliver(4)
  ledger.skip(3, false)
  ledger.drop(2, 'queue-full', false)
  ledger.drop(1, 'queue-full', false)
  ledger.drop(0, 'too-long', false)
  t.match(ledger.entries, { linesReceived: 10, linesDelivered: 4, linesSkipped: 3, linesDropped: { 'queue-full': 3 } })
  t.notOk('too-long' in ledger.entries.linesDropped)
  t.same(losses, [[{ kind: 'skipped' }, 3], [{ kind: 'dropped', reason: 'queue-full' }, 2]])
  ledger.settleLosses()
  t.same(losses.at(-1), [{ kind: 'dropped', reason: 'queue-full' }, 1])
})

t.test('lines that a backend refused without naming them are dropped as poison, and told with its words', async t => {
  const { ledger, losses } = createLedger()
  t.teardown(() => ledger.settleLosses())
  ledger.receive(5)
  ledger.remark({ rejectedLines: 0, text: 'a warning' })
  t.strictSame(ledger.entries.linesDropped, {})
  ledger.remark({ rejectedLines: 2, text: 'too old' })
  ledger.remark({ rejectedLines: 1, text: 'too new' })
  t.strictSame(ledger.entries.linesDropped, { poison: 3 })
  t.equal(ledger.lostLines, 3)
  ledger.settleLosses()
  t.strictSame(losses, [[{ kind: 'warned', reason: 'a warning' }, 0], [{ kind: 'unnamed', reason: 'too old' }, 2], [{ kind: 'unnamed', reason: 'too new' }, 1]])
})

t.test('the loss of a diagnostic is counted and not told', async t => {
  const { ledger, losses } = createLedger()
  ledger.skip(1, true)
  ledger.drop(1, 'queue-full', true)
  t.match(ledger.entries, { linesSkipped: 1, linesDropped: { 'queue-full': 1 } })
  t.same(losses, [])
})

t.test('failures are counted by their reasons, and the last is kept', async t => {
  const { ledger } = createLedger()
  ledger.fail({ reason: 'network', err: { type: 'Error', message: 'first' } })
  ledger.fail({ reason: 'network', err: { type: 'Error', message: 'second' } })
  ledger.fail({ reason: 'http-503', err: { type: 'Error', message: 'third' } })
  t.match(ledger.entries, { failures: { network: 2, 'http-503': 1 }, lastError: { message: 'third' } })
})

t.test('lines that are given up go to the fallback, or are dropped where there is none', async t => {
  const { ledger, losses } = createLedger()
  const lines = { bytes: Buffer.from('a\nb\n'), count: 2 }
  ledger.giveUp(lines)
  ledger.giveUp(lines)
  t.match(ledger.entries, { linesDropped: { closed: 4 }, linesFallback: 0 })
  const taken: unknown[] = []
  ledger.fallback = { name: 'spare', takeOver: lines => { taken.push(lines) } }
  ledger.giveUp(lines)
  ledger.passOn(lines)
  t.match(ledger.entries, { linesDropped: { closed: 4 }, linesFallback: 4 })
  t.same(taken, [lines, lines])
  t.same(losses, [], 'the lane itself reports what is left at the end')
})

t.test('what was read of a ledger does not change', async t => {
  const { ledger } = createLedger()
  const { entries } = ledger
  ledger.drop(1, 'closed', true)
  ledger.fail({ reason: 'network', err: { type: 'Error', message: '' } })
  t.same([entries.linesDropped, entries.failures], [{}, {}])
})
