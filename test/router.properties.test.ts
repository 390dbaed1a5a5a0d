import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import type { Batch } from '#lib/batch'
import { EVERYTHING, LevelNames } from '#lib/levels'
import { Router } from '#lib/router'
import { settleMatch } from '#lib/options/match'
import { line as anyLine } from './support/arbitrary-lines.js'
import { givenMatch, matchedLine, meetsGiven } from './support/arbitrary-matches.js'

const LEVEL_KEYS = ['level', 'severity']
const MAX_LINE_BYTES = 160
const levels = new LevelNames({ http: 25, alert: 55 })

// Values of levels as they may be written in JSON.
const level = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('10', '20', '25', '30', '40', '50', '55', '60') },
  { weight: 2, arbitrary: fc.constantFrom('-30', '29.5', '30.5', '1e2', '0', '99999999999', '1e400', '-1e400', 'null', 'true', '[30]', '""', '"30"') },
  { weight: 3, arbitrary: fc.constantFrom('"info"', '"WARN"', '"Http"', '"alert"', '"loud"', '"silent"', '"in\\u0066o"', '"a\\"b"') }
)

const record = fc.record({
  key: fc.constantFrom(...LEVEL_KEYS),
  level,
  before: fc.constantFrom('', '', '', ' ', '"time":1,'),
  after: fc.oneof(fc.constantFrom('', ' ', ' ,"a":1', ',"msg":"\\"level\\":60"', ',"level":60', ',"severity":"fatal"'), anyLine.map(msg => `,"msg":${JSON.stringify(msg)}`))
}).map(({ key, level, before, after }) => `{${before}"${key}":${level}${after}}`)

/** A line that was cut between the halves of a character, as it arrives. */
function inUtf8 (line: string): string {
  return Buffer.from(line).toString()
}

const lines = fc.array(fc.oneof({ weight: 8, arbitrary: record }, { weight: 1, arbitrary: anyLine }, { weight: 4, arbitrary: matchedLine }, { weight: 1, arbitrary: fc.constantFrom('{"level":30', '{"level":"info', '[]', '1', 'null') }).map(inUtf8), { maxLength: 30 })

const options = fc.record({
  wanted: fc.array(fc.record({
    minLevel: fc.constantFrom(EVERYTHING, EVERYTHING, 10, 30, 30, 29.7, 50, Infinity, -50),
    given: fc.option(givenMatch, { nil: undefined })
  }), { minLength: 1, maxLength: 5 }),
  levelKey: fc.constantFrom(...LEVEL_KEYS),
  dedupe: fc.boolean()
})

/** The level of a line, found in the plainest way. */
function levelOf (line: string, levelKey: string): number | undefined {
  // Of two equal keys the first counts if it is the head, as pino writes it, though a parser takes the last.
  const [, number, label] = new RegExp(`^\\{"${levelKey}":(?:(\\d{1,9}),|"([a-z]*)")`, 'i').exec(line) ?? []
  if (number !== undefined) return Number(number)
  const byLabel = levels.valueOf(label)
  if (byLabel !== undefined) return byLabel
  try {
    const record: unknown = JSON.parse(line)
    return typeof record === 'object' && record !== null ? levels.valueOf((record as Record<string, unknown>)[levelKey]) : undefined
  } catch {
    return undefined
  }
}

t.test('each lane gets exactly the lines that a parser of JSON would give it, in order and counted', async () => {
  fc.assert(fc.property(fc.array(lines, { minLength: 1, maxLength: 4 }), options, fc.nat(30), fc.boolean(), (texts, { wanted, levelKey, dedupe }, cut, isText) => {
    const lanes = wanted.map(({ minLevel, given }) => ({
      minLevel,
      given,
      match: settleMatch(given),
      batches: new Array<Batch>(),
      texts: new Array<string>(),
      refused: 0,
      refuse (lines: number) { this.refused += lines }
    }))
    const router = new Router<typeof lanes[number]>({
      lanes,
      levels,
      levelKey,
      dedupe,
      maxLineBytes: MAX_LINE_BYTES,
      deliver: (lanes, batch) => {
        for (const lane of lanes) {
          lane.batches.push(batch)
          lane.texts.push(batch.text)
        }
      }
    })

    let withoutLevel = 0
    for (const lines of texts) {
      for (const lane of lanes) lane.batches.length = lane.texts.length = 0
      const chunk = lines.map(line => `${line}\n`)
      const parts = [chunk.slice(0, cut), chunk.slice(cut)].map(lines => lines.join('')).filter(text => text !== '')
      router.route(isText ? parts : parts.map(text => Buffer.from(text)))

      const kept = lines.filter(line => Buffer.byteLength(line) <= MAX_LINE_BYTES)
      const expected = lanes.map(() => new Array<string>())
      for (const line of kept) {
        const level = levelOf(line, levelKey)
        const takers = lanes.filter(({ minLevel, given }) => (level === undefined || minLevel <= level) && (given === undefined || meetsGiven(line, given)))
        const highest = Math.max(...takers.map(({ minLevel }) => minLevel))
        if (level === undefined) withoutLevel++
        for (const [i, lane] of lanes.entries()) {
          if (takers.includes(lane) && (!dedupe || level === undefined || lane.minLevel === highest)) expected[i]?.push(line)
        }
      }

      for (const [i, { batches, texts }] of lanes.entries()) {
        assert.ok(batches.length <= 1)
        assert.equal(batches.map(({ bytes }) => bytes.toString()).join(''), expected[i]?.map(line => `${line}\n`).join(''))
        assert.equal(texts.join(''), expected[i]?.map(line => `${line}\n`).join(''))
        assert.equal(batches[0]?.count ?? 0, expected[i]?.length)
      }
      const whole = lanes.filter((_, i) => expected[i]?.length === kept.length && kept.length > 0)
      for (const { batches } of whole) assert.equal(batches[0], whole[0]?.batches[0])
    }

    const tooLong = texts.flat().filter(line => Buffer.byteLength(line) > MAX_LINE_BYTES).length
    for (const { refused } of lanes) assert.equal(refused, tooLong)
    if (lanes.some(({ minLevel }) => minLevel !== EVERYTHING)) assert.equal(router.linesWithoutLevel, withoutLevel)
  }), { numRuns: 1000 })
})
