import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { readLokiRefusal, type LokiEntry } from '#lib/http/formats/loki-refusal'

const SECOND = 1000000000n
const START = 1700000000n
const INFO = '{"app":"shop","level":"info"}'
const ERROR = '{"app":"shop","level":"error"}'

function entry (seconds: number, stream = INFO, bytes = 100): LokiEntry {
  return { stream, bytes, timeNs: START * SECOND + BigInt(Math.round(seconds * 1e9)) }
}

function rfc3339 (seconds: number): string {
  return new Date((Number(START) + Math.floor(seconds)) * 1000).toISOString().replace('.000Z', 'Z')
}

/** An answer of Loki's ingester, which lists at most ten entries. */
function tooFarBehind (ignored: number, of: number, cutoff: number, stream = '{app="shop", level="info"}'): string {
  const listed = `entry with timestamp 2023-11-14 22:13:20.5 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: ${rfc3339(0)}, oldest acceptable timestamp is: ${rfc3339(cutoff)}',\n`
  return `${listed.repeat(Math.min(10, ignored))}user 'fake', total ignored: ${ignored} out of ${of} for stream: ${stream}\n`
}

t.test('the oldest entries of a stream are refused, as many as Loki has ignored, and all others have arrived', async t => {
  const entries = [1, 2, 10.2, 3, 10.7, 11].map(seconds => entry(seconds))
  t.same(readLokiRefusal(entries, tooFarBehind(4, 6, 10)), { refused: [0, 1, 2, 3], untold: [], reason: `entry too far behind, oldest acceptable timestamp is: ${rfc3339(10)}` })
})

t.test('the oldest entries are found for any times and cutoffs, even if the answer gives the cutoff in whole seconds', async () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 20000 }), { minLength: 1, maxLength: 40 }), fc.integer({ min: 0, max: 20000 }), (times, cutoff) => {
    const entries = times.map(ms => entry(ms / 1000))
    const old = times.flatMap((ms, place) => ms < cutoff ? [place] : [])
    const refusal = readLokiRefusal(entries, tooFarBehind(old.length, times.length, cutoff / 1000))
    assert.deepEqual(refusal?.refused ?? [], old)
    assert.deepEqual(refusal?.untold ?? [], [])
  }))
})

t.test('in other streams, newer entries have arrived, and the outcome of older ones is unknown', async t => {
  const entries = [entry(1), entry(1, ERROR), entry(20), entry(20, ERROR)]
  t.match(readLokiRefusal(entries, tooFarBehind(1, 2, 10, '{app="shop", level="info", service_name="shop"}')), { refused: [0], untold: [1] })
  t.match(readLokiRefusal(entries, tooFarBehind(1, 2, 10, '{app="shop", level="error"}')), { refused: [1], untold: [0] })
  t.match(readLokiRefusal(entries, tooFarBehind(2, 4, 10, '{app="shop"}')), { refused: [0, 1], untold: [] }, 'less labels than ours')
  t.equal(readLokiRefusal(entries, tooFarBehind(1, 2, 10, '{app="bank"}')), undefined, 'none of these streams')
})

t.test('an entry that is out of order is refused without a cutoff', async t => {
  const entries = [entry(1), entry(2), entry(3), entry(2, ERROR), entry(30, ERROR)]
  const body = "entry with timestamp 2023-11-14 22:13:21 +0000 UTC ignored, reason: 'entry out of order' for stream: {app=\"shop\", level=\"info\"},\ntotal ignored: 2 out of 3"
  t.same(readLokiRefusal(entries, body), { refused: [0, 1], untold: [3, 4], reason: 'entry out of order' })
  t.equal(readLokiRefusal([entry(1), entry(1)], body.replace('2 out of 3', '1 out of 2')), undefined, 'it is unknown which of two entries with the same time is meant')
})

t.test('if the count does not fit the times, the outcome of entries around the cutoff is unknown', async t => {
  const entries = [1, 10.2, 10.7, 11].map(seconds => entry(seconds))
  t.match(readLokiRefusal(entries, tooFarBehind(4, 9, 10)), { refused: [0], untold: [1, 2] })
  t.equal(readLokiRefusal([entry(10.2), entry(10.2)], tooFarBehind(1, 2, 10)), undefined, 'no entry is certainly refused')
})

t.test('a limit of the tenant applies to all streams', async t => {
  const entries = [entry(1), entry(1, ERROR), entry(10.5), entry(11), entry(30, ERROR)]
  const told = (stream: string): string => `entry for stream '${stream}' has timestamp too old: ${rfc3339(1)}, oldest acceptable timestamp is: ${rfc3339(10)}`
  const expected = { refused: [0, 1], untold: [2], reason: `timestamp too old, oldest acceptable timestamp is: ${rfc3339(10)}` }
  t.same(readLokiRefusal(entries, `${told('{app="shop", level="info"}')}\n`), expected)
  t.same(readLokiRefusal(entries, `1 errors like: ${told('{app="shop", level="info"}')}; 1 errors like: ${told('{app="shop", level="error"}')}`), expected)
  t.same(readLokiRefusal(entries, told('{}').replaceAll(/(\d)T(\S+)Z/g, '$1 $2 +0000 UTC'))?.refused, [0, 1])
  t.equal(readLokiRefusal(entries, `1 errors like: ${told('{}')}; 2 errors like: Max entry size '256000' bytes exceeded for stream '{}'`), undefined, 'there is another error, too')
})

// These texts are those of Loki 3 (`pkg/validation/validate.go`).
const tooLong = (length: number, max = 256000): string => `Max entry size '${max}' bytes exceeded for stream '{app="shop", level="info"}' while adding an entry with length '${length}' bytes`
const tooNew = (seconds: number, level = 'info'): string => `entry for stream '{app="shop", level="${level}"}' has timestamp too new: ${rfc3339(seconds)}`
const tooOld = (seconds: number, cutoff: number): string => `entry for stream '{app="shop", level="info"}' has timestamp too old: ${rfc3339(seconds)}, oldest acceptable timestamp is: ${rfc3339(cutoff)}`

t.test('exactly the entries that are longer than the limit of the tenant are refused', async t => {
  const entries = [entry(1), entry(2, INFO, 256001), entry(3, ERROR, 256000), entry(4, ERROR, 300000)]
  t.same(readLokiRefusal(entries, `1 errors like: ${tooLong(256001)}; 1 errors like: ${tooLong(300000)}`), { refused: [1, 3], untold: [], reason: 'max entry size of 256000 bytes exceeded' })
  t.same(readLokiRefusal(entries, `2 errors: ${tooLong(256001)}; ${tooLong(300000)}\n`)?.refused, [1, 3], 'older versions')
  t.equal(readLokiRefusal(entries.slice(0, 1), tooLong(300000)), undefined, 'none of these')
})

t.test('entries that are too new are found by their stream and their second', async t => {
  const entries = [entry(1), entry(5000.2), entry(5000.7), entry(5001), entry(5000.5, ERROR), entry(5001, ERROR)]
  t.same(readLokiRefusal(entries, `2 errors like: ${tooNew(5000)}; 1 errors like: ${tooNew(5001)}; 1 errors like: ${tooNew(5001, 'error')}`), { refused: [1, 2, 3, 5], untold: [], reason: 'timestamp too new' })
  t.match(readLokiRefusal(entries, `1 errors like: ${tooNew(5000)}; 1 errors like: ${tooNew(5001)}`), { refused: [3], untold: [1, 2] }, 'the limit is within a second')
  t.match(readLokiRefusal(entries, tooNew(5001).replace(/(\d)T(\S+)Z/, '$1 $2 +0000 UTC')), { refused: [3], untold: [] })
  t.match(readLokiRefusal(entries, `3 errors: ${tooNew(5000)}; ${tooNew(5000)}; ${tooNew(5001)}`), { refused: [1, 2, 3], untold: [] }, 'older versions')
  t.equal(readLokiRefusal(entries, `1 errors like: ${tooNew(5000)}`), undefined, 'nothing is certain')
  t.equal(readLokiRefusal(entries, tooNew(5001).replace(/\d{4}-/, '')), undefined)
})

t.test('an answer may tell of several limits, and each entry is judged by all of them', async t => {
  const entries = [entry(1), entry(5000), entry(20, INFO, 300000), entry(20)]
  const expected = { refused: [0, 1, 2], untold: [], reason: `timestamp too old, oldest acceptable timestamp is: ${rfc3339(10)}; timestamp too new; max entry size of 256000 bytes exceeded` }
  const errors = [tooNew(5000), tooOld(1, 10), tooLong(300000)].map(error => `1 errors like: ${error}`)
  for (const [a, b, c] of [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] as const) t.same(readLokiRefusal(entries, `${errors[a]}; ${errors[b]}; ${errors[c]}`), expected)
  t.equal(readLokiRefusal(entries, `${errors.join('; ')}; 1 errors like: entry for stream '{app="shop"}' has 99 label names; limit 15`), undefined, 'and another error')
})

t.test('an entry that is certainly refused has no other outcome', async t => {
  const entries = [entry(5000.2), entry(5000.7, INFO, 300000)]
  const { refused, untold } = readLokiRefusal(entries, `1 errors like: ${tooNew(5000)}; 1 errors like: ${tooLong(300000)}`) ?? {}
  t.same({ refused, untold }, { refused: [1], untold: [0] })
})

t.test('an answer about something else says nothing about lines', async t => {
  const entries = [entry(1), entry(2)]
  for (const body of [
    '', 'error at least one label pair is required per stream', 'total ignored: 1 out of 2', `oldest acceptable timestamp is: ${rfc3339(10)}`,
    "entry with timestamp 2023 ignored, reason: 'Per stream rate limit exceeded (limit: 3MB/sec)',\nuser 'fake', total ignored: 1 out of 2 for stream: {app=\"shop\"}",
    tooFarBehind(2, 2, 10).replace('entry too far', 'line too long, entry too far')
  ]) t.equal(readLokiRefusal(entries, body), undefined, body)
})
