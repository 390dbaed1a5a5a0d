import { execFileSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { resolve } from 'node:path'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { parseJson } from '#lib/parse-json'
import { matchedLine } from './support/arbitrary-matches.js'
import { nodes } from './support/nodes.js'

for (const { name, path, needed } of nodes()) {
  t.test(`${name}: a key that is written with an escape is not taken for one that was read before`, needed, async t => {
    const script = `
      import { parseJson } from ${JSON.stringify(pathToFileURL(resolve('build/package/lib/parse-json.js')))}
      const texts = ${JSON.stringify(['{"a":1,"\\\\":2}', '{"a":1,"\\u00e9":2}', '{"a":1,"\\"":2}', '[{"b":{"\\\\u":1}}]', '[{"b":{"\\u0061b":1}}]'])}
      for (const text of texts) JSON.parse(text)
      console.log(JSON.stringify(texts.map(text => parseJson(text))))`
    const output = execFileSync(path, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    t.equal(output.trim(), '[{"a":1,"\\\\":2},{"a":1,"é":2},{"a":1,"\\"":2},[{"b":{"\\\\u":1}}],[{"b":{"ab":1}}]]')
  })
}

t.test('any value is parsed as it was, however its keys are written', async () => {
  fc.assert(fc.property(fc.jsonValue(), fc.boolean(), (value, isEscaped) => {
    const text = JSON.stringify({ '\n': value }, undefined, isEscaped ? 1 : 0)
    assert.deepEqual(parseJson(text), { '\n': JSON.parse(JSON.stringify(value)) as unknown })
  }))
})

t.test('what is no JSON is none here', async () => {
  const isJson = (parse: (text: string) => unknown, text: string): boolean => {
    try {
      parse(text)
      return true
    } catch {
      return false
    }
  }
  const texts = fc.oneof(matchedLine, fc.constantFrom('{"\\n","a"}', '{"\\n":1:2}', '{"\\n":1,}', '{"\\n":1]', '{"\\n"}', '["\\n":1]', '{"\\n":1}}'))
  fc.assert(fc.property(texts, text => isJson(parseJson, text) === isJson(JSON.parse, text)), { numRuns: 500 })
})

t.test('values are replaced, and keys are not', async t => {
  const revive = (value: unknown): unknown => typeof value === 'string' ? value.length : value
  for (const key of ['key', '\n', '__proto__']) {
    const text = JSON.stringify([{ [key]: 'four', other: { [key]: ['two', null, 1] } }])
    t.same(parseJson(text, revive), [{ [key]: 4, other: { [key]: [3, null, 1] } }])
  }
})
