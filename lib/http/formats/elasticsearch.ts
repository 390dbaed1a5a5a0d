import type { RefusedLine } from '../../child/rejection.js'
import { isRefusalStatus } from '../../failure.js'
import { placeOf, type BatchPart } from '../batch-part.js'
import { msToNs } from '../../line-head.js'
import { createByteHeadReader, isObjectBytes, lineEnd, validBytes, withoutReturn } from '../line-bytes.js'
import type { HttpSettings } from '../options.js'
import { isSuccess } from '../status.js'
import { createDatedIndex } from './dated-index.js'
import type { Format, LineOutcomes } from './format.js'
import { TimestampSearch } from './timestamp-search.js'

const CONFLICT = 409
const NEWLINE = 10
const QUOTE = 0x22
const COMMA = 0x2c
const END_BRACE = 0x7d
const INDEX_ERRORS = ['index_closed_exception', 'invalid_index_name_exception']

/** The fields of each item that the query asks for. */
interface BulkItem {
  status?: unknown
  error?: { type?: unknown, reason?: unknown }
}

/**
 * The bulk API of Elasticsearch and OpenSearch: an action and a document for each line. The answer gives the outcome of
 * each line. A data stream requires an `@timestamp`; a line without one gets its own time or, without that, the time of
 * sending.
 */
export function createElasticsearchFormat ({ elasticsearch, levelKey, timeKey }: HttpSettings, now: () => number): Format {
  const { index, opType, ids } = elasticsearch
  const read = createByteHeadReader(levelKey, timeKey)
  const indexAt = createDatedIndex(index ?? '')
  const isDated = index !== undefined && indexAt('0') !== index

  function targetAt (timeNs: string): { _index?: string } {
    return index === undefined ? {} : { _index: indexAt(timeNs) }
  }

  return {
    contentType: 'application/x-ndjson',
    defaultPath: '/_bulk',
    // An unfiltered answer has much more text for each line than the line itself.
    query: { filter_path: 'error.type,error.reason,errors,items.*.status,items.*.error.type,items.*.error.reason' },
    encode (part, body) {
      const bytes = validBytes(part)
      const search = new TimestampSearch(bytes)
      // They are made only where they are used.
      const lineIds = ids ? part.batch.lineIds : undefined
      let last: string | undefined
      let action = ''
      let timestamp = ''
      body.reserve(bytes.length)
      for (let start = 0, place = 0; start < bytes.length; place++) {
        const newline = lineEnd(bytes, start)
        const end = withoutReturn(bytes, start, newline)
        const isObject = isObjectBytes(bytes, start, end)
        const isDocument = isObject && search.hasTimestamp(start, end)
        const timeNs = isDocument && !isDated ? last ?? '0' : read(bytes, start, end).timeNs ?? msToNs(now())
        if (timeNs !== last) {
          last = timeNs
          action = `${JSON.stringify({ [opType]: targetAt(timeNs) })}\n`
          timestamp = `{"@timestamp":${timeNs.slice(0, -6) || '0'}`
        }
        if (lineIds === undefined) body.text(action)
        else body.text(`${JSON.stringify({ [opType]: { ...targetAt(timeNs), _id: lineIds[placeOf(part, place)] } })}\n`)
        if (isDocument) {
          body.copy(bytes, start, end)
        } else {
          body.text(timestamp)
          if (!isObject) {
            body.text(',"message":')
            body.quoted(bytes, start, end)
            body.byte(END_BRACE)
          } else if (isEmptyObject(bytes, start, end)) {
            body.byte(END_BRACE)
          } else {
            body.byte(COMMA)
            body.copy(bytes, start + 1, end)
          }
        }
        body.byte(NEWLINE)
        start = newline + 1
      }
    },
    readOutcomes (part, body) {
      const { errors, items } = JSON.parse(body) as { errors?: unknown, items?: unknown }
      if (errors === false) return { refused: [], retry: [] }
      if (errors !== true || !Array.isArray(items) || items.length !== part.count) throw new Error('the answer is not that of a bulk API')
      return judge(part, items, ids)
    }
  }
}

function isEmptyObject (bytes: Buffer, start: number, end: number): boolean {
  return bytes[start + 1] !== QUOTE && /^\{\s*\}$/.test(bytes.toString('utf8', start, end))
}

/**
 * Whether an error with status 400 is about an index, and so would hit any other line: the index is closed, its name is not
 * allowed, or it cannot be created since the cluster has as many shards as it may have.
 */
function isAboutIndex (error: BulkItem['error']): boolean {
  return INDEX_ERRORS.includes(String(error?.type)) || (error?.type === 'validation_exception' && /maximum (?:\w+ )?shards open/.test(String(error.reason)))
}

function judge (part: BatchPart, items: readonly unknown[], ids: boolean): LineOutcomes {
  const refused: RefusedLine[] = []
  const retry: number[] = []
  let retryReason: LineOutcomes['retryReason']
  for (const [offset, item] of items.entries()) {
    const { status, error } = (Object.values(item ?? {})[0] ?? {}) as BulkItem
    if (typeof status !== 'number') throw new Error('the answer is not that of a bulk API')
    // With ids of our own, a conflict means that an earlier attempt has delivered this line.
    if (isSuccess(status) || (status === CONFLICT && ids)) continue
    const reason = [error?.type, error?.reason].filter(part => typeof part === 'string').join(': ')
    if (isRefusalStatus(status) && !isAboutIndex(error)) {
      refused.push({ line: placeOf(part, offset), reason, status })
    } else {
      retry.push(placeOf(part, offset))
      retryReason ??= { status, reason }
    }
  }
  return { refused, retry, ...retryReason && { retryReason } }
}
