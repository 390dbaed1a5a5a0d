import t from 'tap'
import { bytesText, durationText, linesText, numberText } from '#lib/terminal/amounts'

t.test('amounts are told in the largest units that fit', t => {
  t.same([0, 1, 1234567].map(linesText), ['0 lines', '1 line', '1,234,567 lines'])
  t.same([0, 12345.6].map(numberText), ['0', '12,346'])
  t.same([0, 1, 1023, 1024, 1536, 16 * 2 ** 20, 2 ** 30, 3 * 2 ** 40, 2 ** 60].map(bytesText), ['0 bytes', '1 byte', '1023 bytes', '1 KiB', '1.5 KiB', '16 MiB', '1 GiB', '3 TiB', '1048576 TiB'])
  t.same([0, 250, 999, 1000, 4520, 12000, 60000, 61000, 3600000, 3660000, 90000000, 86400000].map(durationText), ['0 ms', '250 ms', '999 ms', '1 s', '4.5 s', '12 s', '1 min', '1 min 1 s', '1 h', '1 h 1 min', '1 d 1 h', '1 d'])
  t.end()
})
