import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { createNdjsonFormat } from '#lib/http/formats/ndjson'
import { line, textOf } from '../../support/arbitrary-lines.js'
import { bodyOf, partOf } from '../../support/http-sinks.js'

t.test('the body is the lines, unchanged', async () => {
  fc.assert(fc.property(fc.array(line, { minLength: 1 }), lines => {
    assert.equal(bodyOf(createNdjsonFormat(), partOf(lines)).toString(), textOf(lines))
  }))
})
