import fc from 'fast-check'
import t from 'tap'
import { Redactor } from '#lib/http/redactor'

const byte = (code: number): string => code.toString(16).padStart(2, '0')
const units = (text: string, write: (unit: string) => string): string => text.split('').map(write).join('')
const uri = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, character => `%${byte(character.charCodeAt(0)).toUpperCase()}`)

/** The forms in which a backend may send back what it was sent. */
const encodings: Readonly<Record<string, (text: string) => string>> = {
  asItIs: text => text,
  json: text => JSON.stringify(text).slice(1, -1),
  jsonWithSlashes: text => JSON.stringify(text).slice(1, -1).replaceAll('/', '\\/'),
  unicode: text => units(text, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  hexBytes: text => units(text, unit => `\\x${byte(unit.charCodeAt(0))}`),
  html: text => units(text, unit => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\'': '&apos;' })[unit] ?? unit),
  htmlDecimal: text => units(text, unit => `&#${unit.charCodeAt(0)};`),
  htmlHex: text => units(text, unit => `&#x${byte(unit.charCodeAt(0)).toUpperCase()};`),
  uri,
  uriLower: text => uri(text).replace(/%../g, escape => escape.toLowerCase()),
  uriWhole: text => [...Buffer.from(text)].map(code => `%${byte(code)}`).join(''),
  base64: text => Buffer.from(text).toString('base64'),
  base64Bare: text => Buffer.from(text).toString('base64').replace(/=+$/, ''),
  base64Url: text => Buffer.from(text).toString('base64url'),
  lower: text => text.toLowerCase(),
  upper: text => text.toUpperCase()
}
// Changing the case of another encoding's escapes changes their meaning, and makes base64 unreadable.
const outer = Object.keys(encodings).filter(name => name !== 'lower' && name !== 'upper')
const printable = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map(code => String.fromCharCode(code)), minLength: 6, maxLength: 40 })

t.test('a secret is hidden in every encoding, and in every combination of two', async () => {
  fc.assert(fc.property(printable, fc.constantFrom(...Object.keys(encodings)), fc.constantFrom(...outer), fc.string({ maxLength: 10 }), fc.string({ maxLength: 10 }), (secret, first, second, before, after) => {
    const redactor = new Redactor()
    redactor.hide([secret])
    const encoded = encodings[second]?.(encodings[first]?.(secret) ?? '') ?? ''
    const shown = redactor.redact(`${before} "${encoded}" ${after}`)
    return shown.includes('[hidden]') && !shown.toLowerCase().includes(encoded.toLowerCase())
  }), { numRuns: 2000 })
})

t.test('a part of a cookie, of a list, or of base64 is hidden like the whole', async t => {
  const redactor = new Redactor()
  redactor.hide(['session=abc-123-def; other=uvw/456; Path=/; HttpOnly', 'key-one, "key-two"', `Basic ${Buffer.from('joan:open-sesame').toString('base64')}`, 'joan', 'open-sesame'])
  for (const text of ['abc-123-def', 'UVW/456', 'uvw\\/456', 'uvw%2f456', 'uvw&#x2F;456', 'key-one', 'key-two', 'joan:open-sesame', Buffer.from('joan:open-sesame').toString('base64').toLowerCase(), Buffer.from('{"user":"joan","password":"open-sesame"}').toString('base64')]) {
    t.notMatch(redactor.redact(`you sent ${text}.`), text, text)
    t.match(redactor.redact(`you sent ${text}.`), /^you sent \[hidden\]/)
  }
})

t.test('a text without secrets stays readable', async t => {
  const redactor = new Redactor()
  redactor.hide(['Bearer s3cr3t-token', 'session=abcdef; Path=/; HttpOnly; Secure', 'ab', 'a=1'])
  for (const text of ['Bearer token is not valid for path /in: secure, httpOnly', 'a&b &lt; "\\n" %20 100% \\', 'ab a=1', '', 'YWJjZGVmZ2hpamts=']) t.equal(redactor.redact(text), text.replace('YWJjZGVmZ2hpamts=', '[hidden]'))
})

t.test('secrets are hidden as a whole and by their words, and also in the form that they have in a URL', async t => {
  const redactor = new Redactor(['segment-of-a-path'])
  redactor.hide(['Bearer s3cr3t-token', 'a+b/c d'])
  t.equal(redactor.redact('you sent "Bearer s3cr3t-token"'), 'you sent "[hidden]"')
  t.equal(redactor.redact('bad token s3cr3t-token at segment-of-a-path'), 'bad token [hidden] at [hidden]')
  t.equal(redactor.redact('a%2Bb%2Fc%20d'), '[hidden]')
  redactor.hide(['another'])
  t.equal(redactor.redact('another segment-of-a-path s3cr3t-token'), '[hidden] [hidden] s3cr3t-token', 'until something else is')
})

t.test('a secret that is a part of a longer one does not spoil the longer one, and a very short one is not hidden', async t => {
  const redactor = new Redactor(['abcd', 'abcdefgh', 'ab'])
  t.equal(redactor.redact('abcdefgh abcd ab'), '[hidden] [hidden] ab')
})
