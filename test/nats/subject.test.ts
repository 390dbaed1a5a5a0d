import fc from 'fast-check'
import t from 'tap'
import { SubjectMaker, covers, parseSubject, patternOf, type SubjectTemplate } from '#lib/nats/subject'

const subjectOf = (template: string, line: unknown): string => new SubjectMaker(parseSubject(template) as SubjectTemplate, 'level').subjectOf(() => typeof line === 'string' ? line : JSON.stringify(line))

t.test('fields of a line stand in its subject, the level as its label', async t => {
  t.equal(subjectOf('logs.{level}.{name}', { level: 30, name: 'api' }), 'logs.info.api')
  t.equal(subjectOf('logs.{level}', { level: 35 }), 'logs.35')
  t.equal(subjectOf('logs.{level}', { level: 'warn' }), 'logs.warn')
  t.equal(subjectOf('logs.{code}-{ok}', { code: 1.5, ok: true }), 'logs.1_5-true')
})

t.test('a line without the field, and one that is no JSON, have a subject too', async t => {
  for (const line of [{}, { name: null }, { name: {} }, { name: '' }, '{"name":', 'null', '[]']) t.equal(subjectOf('logs.{name}', line), 'logs._', JSON.stringify(line))
  t.equal(subjectOf('logs.{toString}', {}), 'logs._')
})

t.test('a subject without fields parses nothing', async t => {
  const maker = new SubjectMaker(parseSubject('logs.app') as SubjectTemplate, 'level')
  t.equal(maker.subjectOf(() => { throw new Error('parsed') }), 'logs.app')
})

t.test('whatever a value is, it is one token: no line reaches a subject that the template does not name', async () => {
  const nasty = fc.constantFrom('$JS.API.STREAM.PURGE.LOGS', 'a b', '>', '*', 'a.>', '\r\nPUB x 0\r\n\r\n', '\u0000', '\ud800', '\u2028', 'ü', 'x'.repeat(5000))
  fc.assert(fc.property(fc.oneof(nasty, fc.string({ unit: 'binary' })), value => {
    const tokens = subjectOf('logs.{v}.end', { v: value }).split('.')
    const [first, token = '', last] = tokens
    if (tokens.length !== 3 || first !== 'logs' || last !== 'end' || !/^[^\s*>\p{C}]{1,100}$/u.test(token)) throw new Error(JSON.stringify(tokens))
  }))
})

t.test('a subject stays shorter than what a server takes, however long the values of a line are, and however many', async t => {
  for (const count of [1, 10, 11, 15, 40]) {
    const fields = Array.from({ length: count }, (_, n) => `f${n}`)
    const line = Object.fromEntries(fields.map(field => [field, '漢'.repeat(150)]))
    const subject = subjectOf(`logs.${fields.map(field => `{${field}}`).join('.')}`, line)
    t.ok(Buffer.byteLength(subject) < 3500, `${count} fields`)
    t.equal(subject.split('.').length, count + 1)
  }
  t.equal(subjectOf('logs.{name}', { name: 'n'.repeat(150) }), `logs.${'n'.repeat(100)}`)
})

t.test('templates that could make other subjects are none', async t => {
  t.same(parseSubject('{name}.x'), { wrong: 'a first token without fields' })
  t.same(parseSubject('{name}'), { wrong: 'a first token without fields' })
  t.same(parseSubject('logs{name}.x'), { wrong: 'a first token without fields' })
  t.match(parseSubject('$JS.API.{name}'), { wrong: /does not begin with \$/ })
  for (const given of ['logs.>', 'logs.*', 'logs. x', 'logs\n']) t.same(parseSubject(given), { wrong: 'no spaces and no wildcards' }, given)
  for (const given of ['logs..x', '.logs', 'logs.']) t.same(parseSubject(given), { wrong: 'no empty tokens' }, given)
  for (const given of ['logs.{a', 'logs.}a', 'logs.{}', 'logs.{{a}}']) t.same(parseSubject(given), { wrong: 'each field in braces, as {name}' }, given)
})

t.test('a stream takes a template if it takes every subject that it can make', async t => {
  const pattern = patternOf(parseSubject('logs.{level}.x-{name}.y') as SubjectTemplate)
  t.equal(pattern, 'logs.*.*.y')
  for (const subject of ['logs.>', '>', 'logs.*.*.y', 'logs.*.*.*', '*.*.*.y']) t.equal(covers(subject, pattern), true, subject)
  for (const subject of ['logs', 'logs.*', 'logs.info.*.y', 'other.>', 'logs.*.*', 'logs.*.*.y.z', 'logs.*.*.y.>']) t.equal(covers(subject, pattern), false, subject)
})
