import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { createJsonFormat } from '#lib/http/formats/json'
import { bareLine, pinoLine } from '../../support/arbitrary-lines.js'
import { bodyOf, partOf } from '../../support/http-sinks.js'

const format = createJsonFormat()

t.test('the body is an array of the lines as JSON values, in order', async () => {
  fc.assert(fc.property(fc.array(pinoLine, { minLength: 1 }), lines => {
    assert.deepEqual(JSON.parse(bodyOf(format, partOf(lines)).toString()), lines.map(line => JSON.parse(line) as unknown))
  }))
})

t.test('a line that is not an object is a string in the array', async () => {
  const text = bareLine.filter(text => !/^\{.*\}$/s.test(text))
  fc.assert(fc.property(fc.array(text, { minLength: 1 }), lines => {
    assert.deepEqual(JSON.parse(bodyOf(format, partOf(lines)).toString()), lines)
  }))
})
