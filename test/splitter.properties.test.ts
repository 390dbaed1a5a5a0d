import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Splitter } from '#lib/splitter'
import { line, textOf } from './support/arbitrary-lines.js'

const MAX_LINE_BYTES = 30

/** The places at which the text is cut into chunks, as shares of it. Many are close together. */
const cuts = fc.array(fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 0.1, noNaN: true })), { maxLength: 40 })

function cutAt (length: number, cuts: readonly number[]): number[] {
  return [0, ...cuts.map(share => Math.floor(share * length)).sort((a, b) => a - b), length]
}

for (const kind of ['text', 'bytes'] as const) {
  t.test(`lines that come as chunks of ${kind} are found again, whatever the chunks are`, async () => {
    await fc.assert(fc.asyncProperty(fc.array(line, { maxLength: 25 }), cuts, fc.boolean(), async (lines, cuts, endsWithNewline) => {
      const found: string[] = []
      let tooLong = 0
      const splitter = new Splitter(MAX_LINE_BYTES, {
        onLines: parts => {
          for (const part of parts) assert.ok(part.toString().endsWith('\n'))
          const text = parts.join('')
          found.push(...text.slice(0, -1).split('\n'))
        },
        onTooLong: () => { tooLong++ }
      })

      const text = endsWithNewline ? textOf(lines) : textOf(lines).slice(0, -1)
      // An empty rest without a newline is no line.
      const expected = endsWithNewline || lines.at(-1) !== '' ? lines : lines.slice(0, -1)
      const whole = kind === 'text' ? text : Buffer.from(text)
      const edges = cutAt(whole.length, cuts)
      for (let i = 1; i < edges.length; i++) splitter.write(whole.slice(edges[i - 1], edges[i]))
      await splitter.end()

      // A long line that came whole is handed on: the router counts its bytes.
      let next = 0
      let skipped = 0
      for (const line of expected) {
        if (found[next] === line) next++
        else if (line.length > MAX_LINE_BYTES) skipped++
        else assert.fail(`the line ${JSON.stringify(line)} is lost, or not in its place`)
      }
      assert.equal(next, found.length)
      assert.equal(tooLong, skipped)
    }), { numRuns: 500 })
  })
}
