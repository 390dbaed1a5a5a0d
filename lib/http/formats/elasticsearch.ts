import type { RefusedLine } from '../../child/rejection.js'
import { isRefusalStatus } from '../../failure.js'
import { fingerprintOf, linesOf, placeOf, type BatchPart } from '../batch-part.js'
import { createHeadReader, msToNs } from '../../line-head.js'
import type { HttpSettings } from '../options.js'
import { isSuccess } from '../status.js'
import { createDatedIndex } from './dated-index.js'
import type { Format, LineOutcomes } from './format.js'
import { isObjectText } from './json-text.js'

const CONFLICT = 409
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
export function createElasticsearchFormat ({ elasticsearch, levelKey, timeKey }: HttpSettings, now: () => number): Format<string> {
  const { index, opType, ids } = elasticsearch
  const { read } = createHeadReader(levelKey, timeKey)
  const indexAt = createDatedIndex(index ?? '')
  const isDated = index !== undefined && indexAt('0') !== index
  const action = JSON.stringify({ [opType]: targetOf('') })

  function targetOf (line: string): { _index?: string } {
    if (index === undefined) return {}
    return { _index: isDated ? indexAt(read(line).timeNs ?? msToNs(now())) : index }
  }

  /**
   * The ids are made from the lines, not from their places: the rest of a batch that is sent again may have the same batch id
   * with other places. The second, third, … of identical lines gets a suffix.
   */
  function actionsOf ({ batchId }: BatchPart, lines: readonly string[]): string[] {
    if (!ids) return lines.map(line => isDated ? JSON.stringify({ [opType]: targetOf(line) }) : action)
    const seen = new Map<string, number>()
    return lines.map(line => {
      const time = seen.get(line) ?? 0
      seen.set(line, time + 1)
      return JSON.stringify({ [opType]: { ...targetOf(line), _id: `${batchId}/${fingerprintOf(line)}${time === 0 ? '' : `-${time}`}` } })
    })
  }

  function documentOf (line: string): string {
    const isObject = isObjectText(line)
    if (isObject && line.includes('"@timestamp":') && hasTimestamp(line)) return line
    const { timeNs = msToNs(now()) } = read(line)
    const timestamp = `{"@timestamp":${timeNs.slice(0, -6) || '0'}`
    if (!isObject) return `${timestamp},"message":${JSON.stringify(line)}}`
    return /^\{\s*\}$/.test(line) ? `${timestamp}}` : `${timestamp},${line.slice(1)}`
  }

  return {
    contentType: 'application/x-ndjson',
    defaultPath: '/_bulk',
    // An unfiltered answer has much more text for each line than the line itself.
    query: { filter_path: 'error.type,error.reason,errors,items.*.status,items.*.error.type,items.*.error.reason' },
    encode (part) {
      const lines = linesOf(part)
      const actions = actionsOf(part, lines)
      return lines.map((line, index) => `${actions[index]}\n${documentOf(line)}\n`).join('')
    },
    readOutcomes (part, body) {
      const { errors, items } = JSON.parse(body) as { errors?: unknown, items?: unknown }
      if (errors === false) return { refused: [], retry: [] }
      if (errors !== true || !Array.isArray(items) || items.length !== part.count) throw new Error('the answer is not that of a bulk API')
      return judge(part, items, ids)
    }
  }
}

/** Whether the line itself has an `@timestamp`, not only an object in it. */
function hasTimestamp (line: string): boolean {
  try {
    return Object.hasOwn(JSON.parse(line) as object, '@timestamp')
  } catch {
    return true
  }
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
