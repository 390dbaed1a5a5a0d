import type { RefusedLine } from '../../child/rejection.js'
import { isRefusalStatus } from '../../failure.js'
import { createHeadReader, msToNs } from '../../line-head.js'
import type { HttpSettings } from '../options.js'
import { fingerprintOf, linesOf, placeOf, type Part } from '../part.js'
import { isSuccess } from '../status.js'
import type { Format, LineOutcomes } from './format.js'
import { isObjectText } from './json-text.js'

const CONFLICT = 409

/** What is asked for of each item, and all that is read of it. */
interface BulkItem {
  status?: unknown
  error?: { type?: unknown, reason?: unknown }
}

/**
 * The bulk API of Elasticsearch and OpenSearch: an action and a document for each line. Each has an outcome of its own,
 * read from the answer. A line without an `@timestamp`, which a data stream asks for, is given one: the time that it
 * bears, else that of sending.
 */
export function createElasticsearchFormat ({ elasticsearch, levelKey, timeKey }: HttpSettings, now: () => number): Format<string> {
  const { index, opType, ids } = elasticsearch
  const { read } = createHeadReader(levelKey, timeKey)
  const target = index === undefined ? {} : { _index: index }
  const action = JSON.stringify({ [opType]: target })

  /**
   * Not by their places: what is left of a batch, to be sent again, may have the same id with other places. Of lines that
   * are the same the second, third, … is told apart.
   */
  function actionsOf ({ batchId }: Part, lines: readonly string[]): string[] {
    if (!ids) return lines.map(() => action)
    const seen = new Map<string, number>()
    return lines.map(line => {
      const time = seen.get(line) ?? 0
      seen.set(line, time + 1)
      return JSON.stringify({ [opType]: { ...target, _id: `${batchId}/${fingerprintOf(line)}${time === 0 ? '' : `-${time}`}` } })
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
    // Without it an answer tells much more of each line than the line is long.
    query: { filter_path: 'error.type,error.reason,errors,items.*.status,items.*.error.type,items.*.error.reason' },
    encode (part) {
      const lines = linesOf(part)
      const actions = actionsOf(part, lines)
      return lines.map((line, index) => `${actions[index]}\n${documentOf(line)}\n`).join('')
    },
    readOutcomes (part, body) {
      const { errors, items } = JSON.parse(body) as { errors?: unknown, items?: unknown }
      if (errors === false) return { refused: [], retry: [] }
      if (errors !== true || !Array.isArray(items) || items.length !== part.count) throw new Error('no answer of a bulk API')
      return judge(part, items, ids)
    }
  }
}

/** Not in one of its objects, but in the line itself. */
function hasTimestamp (line: string): boolean {
  try {
    return Object.hasOwn(JSON.parse(line) as object, '@timestamp')
  } catch {
    return true
  }
}

function judge (part: Part, items: readonly unknown[], ids: boolean): LineOutcomes {
  const refused: RefusedLine[] = []
  const retry: number[] = []
  let retryReason: LineOutcomes['retryReason']
  for (const [offset, item] of items.entries()) {
    const { status, error } = (Object.values(item ?? {})[0] ?? {}) as BulkItem
    if (typeof status !== 'number') throw new Error('no answer of a bulk API')
    // With ids of our own, a conflict means that an earlier attempt brought this line already.
    if (isSuccess(status) || (status === CONFLICT && ids)) continue
    const reason = [error?.type, error?.reason].filter(part => typeof part === 'string').join(': ')
    if (isRefusalStatus(status)) {
      refused.push({ line: placeOf(part, offset), reason, status })
    } else {
      retry.push(placeOf(part, offset))
      retryReason ??= { status, reason }
    }
  }
  return { refused, retry, ...retryReason && { retryReason } }
}
