import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { createElasticsearchFormat } from '#lib/http/formats/elasticsearch'
import type { LineOutcomes } from '#lib/http/formats/format'
import { cutPart, pickPart, type BatchPart } from '#lib/http/batch-part'
import { bareLine, pinoLine } from '../../support/arbitrary-lines.js'
import { bodyOf, partOf, settingsOf } from '../../support/http-sinks.js'

const NOW = 1600000000000

function formatOf (elasticsearch: Record<string, unknown> = {}) {
  return createElasticsearchFormat(settingsOf({ format: 'elasticsearch', elasticsearch }), () => NOW)
}

/** The actions and the documents of a body. */
function pairs (part: BatchPart, options?: Record<string, unknown>): Array<[action: unknown, document: Record<string, unknown>]> {
  const texts = bodyOf(formatOf(options), part).toString().trimEnd().split('\n')
  const values = texts.map(text => JSON.parse(text) as Record<string, unknown>)
  return values.flatMap((value, index) => index % 2 === 0 ? [[value, values[index + 1] ?? {}]] : [])
}

const documents = (lines: readonly string[]): Array<Record<string, unknown>> => pairs(partOf(lines)).map(([, document]) => document)

t.test('each line is a document, in order, with a time', async () => {
  fc.assert(fc.property(fc.array(pinoLine, { minLength: 1 }), lines => {
    for (const [index, document] of documents(lines).entries()) {
      const { '@timestamp': timestamp, ...others } = document
      const { '@timestamp': _own, ...original } = JSON.parse(lines[index] as string) as Record<string, unknown>
      assert.deepEqual(others, original)
      assert.equal(typeof timestamp, 'number')
    }
  }))
})

t.test('a line that is not an object is the message of a document', async () => {
  const text = bareLine.filter(text => !/^\{.*\}$/s.test(text))
  fc.assert(fc.property(fc.array(text, { minLength: 1 }), lines => {
    assert.deepEqual(documents(lines), lines.map(message => ({ '@timestamp': NOW, message })))
  }))
})

t.test('the time of a document is its own `@timestamp`, the time of the line, or the time of sending', async t => {
  t.same(documents([
    '{"@timestamp":"2024-05-05T12:00:00Z","time":1700000000123}',
    '{"level":30,"time":1700000000123}',
    '{"level":30,"time":0}',
    '{"a":{"@timestamp":5}}',
    '{}',
    '{ }'
  ]).map(document => document['@timestamp']), ['2024-05-05T12:00:00Z', 1700000000123, 0, NOW, NOW, NOW])
})

t.test('a line that only looks like an object is sent unchanged, so that the backend refuses it', async t => {
  t.equal(bodyOf(formatOf(), partOf(['{no}'])).toString(), '{"create":{}}\n{"@timestamp":1600000000000,no}\n')
  t.equal(bodyOf(formatOf(), partOf(['{"@timestamp":no}'])).toString(), '{"create":{}}\n{"@timestamp":no}\n')
})

t.test('the action follows the options', async t => {
  const actionOf = (options: Record<string, unknown>): unknown => pairs(partOf(['{}']), options)[0]?.[0]
  t.same(actionOf({}), { create: {} })
  t.same(actionOf({ index: 'logs', opType: 'index' }), { index: { _index: 'logs' } })
})

t.test('a dated index is that of the time of each line, or of sending', async t => {
  const lines = ['{"level":30,"time":1700000000123}', '{"level":30,"time":1700006399999}', '{"level":30,"time":1700006400000}', '{"level":30}', '{"level":30,"time":"2023-11-14T00:00:00+02:00"}']
  const indexes = (options: Record<string, unknown>): unknown[] => pairs(partOf(lines), options).map(([action]) => (action as { create: { _index: string } }).create._index)
  const expected = ['logs-2023-11-14', 'logs-2023-11-14', 'logs-2023-11-15', 'logs-2020-09-13', 'logs-2023-11-13']
  t.same(indexes({ index: 'logs-{date}' }), expected)
  t.same(indexes({ index: 'logs-{date}', ids: true }), expected)
  t.same(indexes({ index: 'logs-{date:YYYY.MM}' }).at(-1), 'logs-2023.11')
})

const idsOf = (part: BatchPart): unknown[] => pairs(part, { ids: true }).map(([action]) => (action as { create: { _id: string } }).create._id)

t.test('with ids, a line keeps its id when it is sent again, whichever lines are sent with it', async t => {
  const whole = partOf(['{"a":1}', '{"b":2}', '{"c":3}'], 'life:9')
  const ids = ['life:9', 'life:10', 'life:11']
  t.same(idsOf(whole), ids)
  t.same(cutPart(whole, 16).flatMap(idsOf), ids)
  t.same(idsOf(pickPart(whole, [0, 2])), [ids[0], ids[2]])
  t.same(idsOf(partOf(['{"b":2}', '{"c":3}'], 'life:10')), ids.slice(1), 'nor in which batch')
})

t.test('with ids, identical lines are separate documents', async t => {
  const whole = partOf(['{"a":1}', '{"a":1}', '{"a":1}'])
  t.equal(new Set(idsOf(whole)).size, 3)
  t.equal(new Set(cutPart(whole, 8).flatMap(idsOf)).size, 3, 'also in several requests')
})

/** The outcomes read from an answer that gives each line a status. */
function outcomesOf (statuses: readonly number[], { first = 0, ids = false } = {}): LineOutcomes {
  const part: BatchPart = { ...partOf(statuses.map(() => '{}')), first }
  const items = statuses.map(status => ({ create: status < 300 ? { status } : { status, error: { type: `type_${status}`, reason: 'so it is' } } }))
  return formatOf({ ids }).readOutcomes?.(part, JSON.stringify({ errors: true, items })) as LineOutcomes
}

t.test('an answer without errors says that all lines have arrived', async t => {
  t.same(formatOf().readOutcomes?.(partOf(['{}']), '{"errors":false}'), { refused: [], retry: [] })
})

t.test('exactly the refused lines are reported as refused, and exactly the lines without room are to be sent again', async t => {
  t.same(outcomesOf([201, 400, 429, 200, 503, 404], { first: 10 }), {
    refused: [{ line: 11, reason: 'type_400: so it is', status: 400 }],
    retry: [12, 14, 15],
    retryReason: { status: 429, reason: 'type_429: so it is' }
  })
})

t.test('each line has exactly one outcome', async () => {
  fc.assert(fc.property(fc.array(fc.constantFrom(200, 201, 400, 403, 409, 413, 429, 500, 503), { minLength: 1 }), statuses => {
    const { refused, retry } = outcomesOf(statuses)
    const model = (isSo: (status: number) => boolean): number[] => statuses.flatMap((status, line) => isSo(status) ? [line] : [])
    assert.deepEqual(refused.map(({ line }) => line), model(status => [400, 409, 413].includes(status)))
    assert.deepEqual(retry, model(status => [403, 429, 500, 503].includes(status)))
  }))
})

t.test('with ids of our own, a conflict means that the line was delivered earlier', async t => {
  t.same(outcomesOf([409], { ids: true }), { refused: [], retry: [] })
  t.same(outcomesOf([409]).refused.map(({ line }) => line), [0])
})

t.test('an error with status 400 that is about an index is no refusal of the line', async t => {
  const outcomeOf = (type: string, reason: string): LineOutcomes | undefined => {
    const items = [{ create: { status: 400, error: { type, reason } } }]
    return formatOf().readOutcomes?.(partOf(['{}']), JSON.stringify({ errors: true, items }))
  }
  const ofIndex: Array<[type: string, reason: string]> = [
    ['index_closed_exception', 'closed'],
    ['invalid_index_name_exception', 'Invalid index name [Logs], must be lowercase'],
    ['validation_exception', 'Validation Failed: 1: this action would add [2] total shards, but this cluster currently has [1000]/[1000] maximum shards open;'],
    ['validation_exception', 'Validation Failed: 1: this action would add [2] shards, but this cluster currently has [1000]/[1000] maximum normal shards open;']
  ]
  for (const [type, reason] of ofIndex) t.match(outcomeOf(type, reason), { refused: [], retry: [0], retryReason: { status: 400 } }, reason)
  const ofLine: Array<[type: string, reason: string]> = [
    ['mapper_parsing_exception', 'failed to parse'],
    ['document_parsing_exception', '[1:30] failed to parse field [n] of type [long]'],
    ['illegal_argument_exception', 'Limit of total fields [1000] has been exceeded'],
    ['validation_exception', 'something else'],
    ['mapper_parsing_exception', 'failed to parse "maximum shards open"']
  ]
  for (const [type, reason] of ofLine) t.match(outcomeOf(type, reason), { refused: [{ line: 0 }], retry: [] }, reason)
})

t.test('an answer that is not that of a bulk API is an error', async t => {
  for (const body of ['', '<html>', 'null', '{}', '{"errors":true}', '{"errors":true,"items":[]}', '{"errors":true,"items":[null]}', '{"errors":true,"items":[{"create":{}}]}', '{"errors":"no"}']) {
    t.throws(() => formatOf().readOutcomes?.(partOf(['{}']), body), body)
  }
})
