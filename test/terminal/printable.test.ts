import fc from 'fast-check'
import t from 'tap'
import { cut, fit, printable, widthOf } from '#lib/terminal/printable'

/** Texts with what terminals obey, hide or turn around. */
const hostile = fc.array(fc.oneof(
  fc.constantFrom('\u001B[2J', '\u001B]0;title\u0007', '\u009B31m', '\u202E', '\u2066', '\u200F', '\u200B', '\u2028', '\r\n', '\t', '\uD800', 'a\u0301\u0301\u0301\u0301', '\uFE0F', '家', '😀', '\u{E0041}'),
  fc.string({ unit: 'binary' })
)).map(parts => parts.join(''))

t.test('no text of anybody makes a terminal do something, or hides or turns a text', t => {
  fc.assert(fc.property(hostile, text => {
    const shown = printable(text)
    return !/\p{C}|\p{Zl}|\p{Zp}/u.test(shown) && !/\p{M}{3}/u.test(shown)
  }))
  t.end()
})

t.test('what is printable stays so', t => {
  fc.assert(fc.property(hostile, text => printable(printable(text)) === printable(text)))
  t.end()
})

t.test('a text in so many columns has exactly these, and one that is cut no more', t => {
  fc.assert(fc.property(hostile.map(printable), fc.integer({ min: 1, max: 60 }), fc.constantFrom('left' as const, 'right' as const), (text, width, side) => {
    return widthOf(fit(text, width, side)) === width && widthOf(cut(text, width)) <= width
  }))
  t.end()
})

for (const [text, shown] of [
  ['\u001B[31mred\u001B[0m', '␛[31mred␛[0m'],
  ['one\r\ntwo\tthree', 'one two three'],
  ['abc\u202Edcba', 'abc�dcba'],
  ['one \uFE0F two', 'one two'],
  ['e\u0301', 'e\u0301'],
  ['\u007F', '␡'],
  ['größe, 東京, שלום', 'größe, 東京, שלום']
] as const) {
  t.test(`${JSON.stringify(text)} is shown as ${shown}`, t => {
    t.equal(printable(text), shown)
    t.end()
  })
}

t.test('wide characters take two columns, and marks none', t => {
  for (const [text, width] of [['abc', 3], ['größe', 5], ['東京', 4], ['ﾄｳ', 2], ['Ｌ', 2], ['한글', 4], ['😀', 2], ['e\u0301', 1], ['→', 1]] as const) t.equal(widthOf(text), width, text)
  t.equal(fit('東京都', 5), '東京…')
  t.equal(fit('東京都', 4), '東… ', 'half of a wide character cannot be shown')
  t.equal(fit('ab', 4, 'right'), '  ab')
  t.end()
})
