import t from 'tap'
import { EVERYTHING, LevelNames, standardLevels } from '#lib/levels'

t.test('labels have the values of pino, in any case', async t => {
  const levels = new LevelNames()
  t.equal(levels.valueOf('trace'), 10)
  t.equal(levels.valueOf('Warn'), 40)
  t.equal(levels.valueOf('FATAL'), 60)
  t.equal(levels.valueOf('silent'), Infinity)
})

t.test('numbers stand for themselves', async t => {
  const levels = new LevelNames()
  for (const value of [30, 35.5, -1, 0, Infinity, EVERYTHING]) t.equal(levels.valueOf(value), value)
})

t.test('what is neither a number nor a known label has no value', async t => {
  const levels = new LevelNames()
  for (const nothing of [NaN, 'loud', '', '30', 'constructor', null, undefined, true, {}, [30]]) t.equal(levels.valueOf(nothing), undefined)
})

t.test('custom levels come beside the standard ones, and later maps win', async t => {
  const levels = new LevelNames({ http: 25, info: 31 }, { http: 26 })
  t.equal(levels.valueOf('HTTP'), 26)
  t.equal(levels.valueOf('info'), 31)
  t.equal(levels.valueOf('Info'), 31)
  t.equal(levels.valueOf('error'), 50)
})

t.test('labels that differ in case only keep their own values, and in another case they are none', async t => {
  const levels = new LevelNames({ Audit: 35, audit: 36, INFO: 31, WARN: 40 })
  t.equal(levels.valueOf('Audit'), 35)
  t.equal(levels.valueOf('audit'), 36)
  t.equal(levels.valueOf('AUDIT'), undefined)
  t.equal(levels.valueOf('info'), 30)
  t.equal(levels.valueOf('INFO'), 31)
  t.equal(levels.valueOf('Info'), undefined)
  t.equal(levels.valueOf('Warn'), 40, 'both have this value')
  t.same(levels.labels, ['trace', 'debug', 'info', 'INFO', 'Audit', 'audit', 'warn', 'WARN', 'error', 'fatal', 'silent'])
})

t.test('three labels of one spelling, two of them with the same value, are still two', async t => {
  const levels = new LevelNames({ Audit: 35, audit: 36, AUDIT: 36 })
  t.equal(levels.valueOf('aUDIT'), undefined)
})

t.test('the labels are listed lowest first', async t => {
  t.same(new LevelNames({ http: 25 }).labels, ['trace', 'debug', 'http', 'info', 'warn', 'error', 'fatal', 'silent'])
  t.same(Object.keys(standardLevels), ['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
})
