import t from 'tap'
import { formatBytes, formatCount, formatCountdown, formatDateTime, formatDuration, formatLevel, formatRate, formatShare, formatSpan, readable, readableLine } from '#lib/monitor/page/script/format'

t.test('a count is exact up to a million, and has three digits from there on', async t => {
  t.same([0, 7, 1204, 999_999, 1_000_000, 12_345_678].map(formatCount), ['0', '7', '1,204', '999,999', '1M', '12.3M'])
})

t.test('a rate has a decimal only while it is small, and is never shown as none if there is one', async t => {
  t.same([0, 0.02, 0.44, 7.25, 10.4, 1240.6].map(formatRate), ['0', '<0.1', '0.4', '7.3', '10', '1,241'])
})

t.test('a size has three digits and a binary unit', async t => {
  t.same([0, 999, 1000, 1536, 16 * 1024 ** 2, 1.5 * 1024 ** 3, 3 * 1024 ** 5].map(formatBytes), ['0 B', '999 B', '0.977 KiB', '1.5 KiB', '16 MiB', '1.5 GiB', '3,070 TiB'])
})

t.test('a share is 0% or 100% only if it is exactly so', async t => {
  t.same([0, 0.001, 0.5, 0.999, 1, 1.2].map(formatShare), ['0%', '<1%', '50%', '99%', '100%', '100%'])
})

t.test('a duration is told by its two largest units', async t => {
  const [second, minute, hour] = [1000, 60_000, 3_600_000]
  t.same([-5, 0, 999, 42 * second, 3 * minute + 5 * second, 2 * hour + 4 * minute, 76 * hour].map(formatDuration), ['0 s', '0 s', '0 s', '42 s', '3 min 05 s', '2 h 04 min', '3 d 4 h'])
  t.same([60_000, 62_000, 7_200_000, 10_000].map(formatSpan), ['1 min', '1 min 02 s', '2 h', '10 s'])
})

t.test('a countdown shows 0 s only when it is over', async t => {
  t.same([1, 999, 1000, 1001, 0].map(formatCountdown), ['1 s', '1 s', '1 s', '2 s', '0 s'])
})

t.test('a time that is none gives no time', async t => {
  t.equal(formatDateTime(Number.NaN), '')
  t.equal(formatDateTime(0), '1970-01-01T00:00:00.000Z')
})

t.test('a level is shown by its label if pino has one', async t => {
  t.same([10, 30, 60, 35, 'all', 'silent'].map(formatLevel), ['trace', 'info', 'fatal', '35', 'all', 'silent'])
})

t.test('what a browser would hide or use to turn a text around is shown as a sign', async t => {
  t.equal(readable('\u001b[31mred\u001b[0m'), '␛[31mred␛[0m')
  t.equal(readable('gpj.\u202eexe'), 'gpj.‹202E›exe')
  t.equal(readable('a\u200bb\u2066c\ufeff\u0000\u007f'), 'a‹200B›b‹2066›c‹FEFF›␀␡')
  t.equal(readable('tag\u{e0041}'), 'tag‹E0041›')
  t.equal(readable('half \ud83d'), 'half ‹D83D›')
})

t.test('everything else stays as it is', async t => {
  t.equal(readable('<img src=x onerror=alert(1)>\n\tשלום 世界 👩'), '<img src=x onerror=alert(1)>\n\tשלום 世界 👩')
})

t.test('a long text is cut', async t => {
  t.equal(readable('x'.repeat(1_000_000)).length, 8193)
  t.equal(readableLine(`${'y '.repeat(500)}`, 10), 'y y y y y …')
})

t.test('a text on one line has no line ends', async t => {
  t.equal(readableLine(' one\n  two\tthree '), 'one two three')
})

t.test('what is no text is shown as one', async t => {
  t.same([readable(undefined), readable(null), readable({})], ['undefined', 'null', '[object Object]'])
})
