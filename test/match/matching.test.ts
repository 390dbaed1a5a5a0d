import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Matching } from '#lib/match/matching'
import { settleMatch } from '#lib/options/match'
import { givenMatch, matchedLine, meetsGiven, type GivenMatch } from '../support/arbitrary-matches.js'

/** The outcomes of a match for some lines, and how many of them were parsed. */
function test (match: GivenMatch, lines: ReadonlyArray<string | Buffer>): { met: boolean[], parsedLines: number } {
  const bytes = Buffer.concat(lines.map(line => Buffer.concat([Buffer.from(line), Buffer.from('\n')])))
  const lineTest = new Matching([settleMatch(match) ?? []]).over(bytes)
  let at = 0
  const met = lines.map(line => {
    const end = at + Buffer.byteLength(line) + 1
    const isMet = lineTest.meets(0, at, end)
    at = end
    return isMet
  })
  return { met, parsedLines: lineTest.parsedLines }
}

const meets = (match: GivenMatch, line: string | Buffer): boolean => test(match, [line]).met[0] as boolean

t.test('a match holds for exactly the lines that JSON.parse finds, however they are written', async () => {
  fc.assert(fc.property(fc.array(matchedLine, { maxLength: 8 }), fc.array(givenMatch, { minLength: 1, maxLength: 3 }), (lines, matches) => {
    const bytes = Buffer.from(lines.map(line => `${line}\n`).join(''))
    const lineTest = new Matching(matches.map(match => settleMatch(match) ?? [])).over(bytes)
    let at = 0
    for (const line of lines) {
      const end = bytes.indexOf('\n', at) + 1
      for (const [i, match] of matches.entries()) assert.equal(lineTest.meets(i, at, end), meetsGiven(line, match), JSON.stringify([line, match]))
      at = end
    }
  }), { numRuns: 2000 })
})

t.test('a match holds for exactly the lines that JSON.parse finds, whatever bytes they have', async () => {
  const damaged = fc.tuple(matchedLine, fc.nat(), fc.constantFrom(0xFF, 0x80, 0xC3, 0xED, 0x22, 0x5C)).map(([line, place, byte]) => {
    const bytes = Buffer.from(line)
    if (bytes.length > 0) bytes[place % bytes.length] = byte
    return bytes
  })
  fc.assert(fc.property(damaged, givenMatch, (line, match) => {
    fc.pre(!line.includes(10))
    assert.equal(meets(match, line), meetsGiven(line.toString(), match))
  }), { numRuns: 1500 })
})

t.test('a key that is written with an escape is not taken for one before it that begins with a backslash', async t => {
  const lines = ['{"first":1,"\\\\":1}', '{"first":1,"\\u00e9":1}', '{"first":1,"\\"":1}']
  for (const [key, outcomes] of Object.entries({ '\\': [true, false, false], é: [false, true, false], '"': [false, false, true] })) {
    const match = { [key]: { exists: true } }
    t.same(test(match, lines).met, outcomes)
    t.same(lines.map(line => meetsGiven(line, match)), outcomes, 'by what it is compared with as well')
  }
})

t.test('a line without the bytes of the key is not parsed, nor one without those of the values, and the rest is', async t => {
  const other = '{"level":30,"modules":["audit"],"tenant":"b","msg":"module \\u001b[31m \\" \\n"}'
  const plain = JSON.stringify({ level: 30, msg: '\u001B[31mred\u001B[0m\n\uD800 ä/b' })
  const some: Array<[GivenMatch, string, number]> = [
    [{ module: 'audit' }, other, 0],
    [{ module: 'audit' }, plain, 0],
    [{ module: { not: 'audit' } }, other, 0],
    [{ module: { exists: false } }, other, 0],
    [{ module: { exists: true } }, other, 0],
    [{ module: 1 }, other, 0],
    [{ tenant: 'a' }, other, 0],
    [{ tenant: { not: ['a', 'c'] } }, other, 0],
    [{ tenant: { prefix: 'x' } }, other, 0],
    [{ tenant: 1 }, other, 1],
    [{ tenant: ['a', 1] }, other, 1],
    [{ tenant: { not: 'a', exists: true } }, other, 1],
    [{ tenant: 'b' }, other, 1],
    [{ tenant: 'b', module: 'audit' }, other, 0],
    [{ tenant: 'b', level: 30 }, other, 1],
    [{ module: { exists: true } }, '{"xmodule":1,"amodule\\n":"odule"}', 0],
    [{ module: 'audit' }, '{"msg":"\\u006d"}', 1],
    [{ ä: { exists: true } }, '{"msg":"\\u001b"}', 1]
  ]
  for (const [match, line, parsedLines] of some) {
    const result = test(match, [line])
    t.same(result, { met: [meetsGiven(line, match)], parsedLines }, JSON.stringify([match, line]))
  }
})

t.test('what the next line begins with is no reason to parse a line', async t => {
  t.same(test({ module: { exists: true } }, ['{"a":1}', '"module"']), { met: [false, false], parsedLines: 1 })
})

t.test('a line is parsed once for all matches', async t => {
  const bytes = Buffer.from('{"module":"audit"}\n{"module":"web"}\n')
  const lineTest = new Matching([[{ key: 'module', is: ['audit', 1] }], [{ key: 'module', is: ['web', 2] }]]).over(bytes)
  t.same([lineTest.meets(0, 0, 19), lineTest.meets(1, 0, 19)], [true, false])
  t.same([lineTest.meets(0, 19, bytes.length), lineTest.meets(1, 19, bytes.length)], [false, true])
  t.equal(lineTest.parsedLines, 2)
})

t.test('only a top-level key counts, and of two equal ones the last', async t => {
  t.equal(meets({ module: 'audit' }, '{"a":{"module":"audit"}}'), false)
  t.equal(meets({ module: 'audit' }, '{"a":[{"module":"audit"}]}'), false)
  t.equal(meets({ module: 'audit' }, '[{"module":"audit"}]'), false)
  t.equal(meets({ module: 'audit' }, '{"a":"\\"module\\":\\"audit\\""}'), false)
  t.equal(meets({ module: 'audit' }, '{"msg":"module","audit":1}'), false)
  t.equal(meets({ module: 'audit' }, '{"module":"audit","module":"web"}'), false)
  t.equal(meets({ module: 'audit' }, '{"module":"web","module":"audit"}'), true)
  t.equal(meets({ module: 'audit' }, '{"module" \t:\r "audit" }\r'), true)
  t.equal(meets({ module: 'audit' }, '{"\\u006dodule":"\\u0061udit"}'), true)
  t.equal(meets({ module: 'audit' }, '{"m\\u006Fdule":"audit"}'), true)
  for (const escaped of ['a\\u002fb', 'a\\u002Fb', 'a\\/b']) t.equal(meets({ 'a/b': 1 }, `{"${escaped}":1}`), true, escaped)
  t.equal(meets({ 'a~': 1 }, '{"a\\u007E":1}'), true)
})

t.test('values are equal if they mean the same, and objects and arrays equal nothing', async t => {
  t.equal(meets({ n: 1 }, '{"n":1.0}'), true)
  t.equal(meets({ n: 1 }, '{"n":"1"}'), false)
  t.equal(meets({ n: '1' }, '{"n":1}'), false)
  t.equal(meets({ n: 9007199254740992 }, '{"n":9007199254740993}'), true, 'JavaScript reads both as the same number')
  t.equal(meets({ n: 0 }, '{"n":-0}'), true)
  t.equal(meets({ n: null }, '{"n":null}'), true)
  t.equal(meets({ n: null }, '{}'), false)
  t.equal(meets({ n: false }, '{"n":false}'), true)
  t.equal(meets({ n: ['a', true, null] }, '{"n":null}'), true)
  for (const value of ['{"n":{}}', '{"n":[]}', '{"n":["a"]}']) {
    t.equal(meets({ n: 'a' }, value), false)
    t.equal(meets({ n: { not: 'a' } }, value), true)
    t.equal(meets({ n: { prefix: 'a' } }, value), false)
    t.equal(meets({ n: { exists: true } }, value), true)
  }
})

t.test('a line without the key meets what is not asked of the key', async t => {
  for (const line of ['{}', '', 'no JSON', '{"n":"a"', 'null', '1', '"n"', '["n"]', 'Error: "n": "a"']) {
    t.equal(meets({ n: { not: 'a' } }, line), true, line)
    t.equal(meets({ n: { exists: false } }, line), true, line)
    t.equal(meets({ n: { exists: true } }, line), false, line)
    t.equal(meets({ n: 'a' }, line), false, line)
    t.equal(meets({ n: null }, line), false, line)
    t.equal(meets({ n: { prefix: 'a' } }, line), false, line)
    t.equal(meets({ n: { not: 'a', exists: true } }, line), false, line)
  }
})

t.test('what every object inherits is no key of a line', async t => {
  for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const match = JSON.parse(`{ "${key}": { "exists": true } }`) as GivenMatch
    t.equal(meets(match, '{"a":1}'), false, key)
    t.equal(meets(match, `{"a":"${key}"}`), false, key)
    t.equal(meets(match, `{"${key}":1}`), true, key)
  }
  t.equal(meets({ length: { exists: true } }, '["length"]'), false)
})

t.test('all keys and all operators must hold', async t => {
  t.equal(meets({ a: 1, b: 2 }, '{"a":1,"b":2}'), true)
  t.equal(meets({ a: 1, b: 2 }, '{"a":1,"b":3}'), false)
  t.equal(meets({ a: 1, b: { exists: false } }, '{"a":1}'), true)
  t.equal(meets({ url: { prefix: ['/api', '/rpc'], not: '/api/health' } }, '{"url":"/api/users"}'), true)
  t.equal(meets({ url: { prefix: ['/api', '/rpc'], not: '/api/health' } }, '{"url":"\\/api\\/health"}'), false)
  t.equal(meets({ url: { prefix: ['/api', '/rpc'] } }, '{"url":"\\/rpc"}'), true)
  t.equal(meets({ url: { prefix: '\uD834' } }, '{"url":"𝄞"}'), true, 'a prefix may end within a character')
})

t.test('a text with an invalid byte is the text that it is decoded to', async t => {
  const line = Buffer.from('{"a-b":"c-d"}')
  line[3] = line[9] = 0xFF
  t.equal(meets({ 'a\uFFFDb': 'c\uFFFDd' }, line), true)
})

t.test('an empty match holds for every line', async t => {
  t.same(new Matching([[]]).over(Buffer.from('a\n')).meets(0, 0, 2), true)
})
