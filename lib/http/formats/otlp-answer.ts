import { indexesOf, type BatchPart } from '../batch-part.js'
import type { LineOutcomes } from './format.js'

const OK = 200
const NOTHING: LineOutcomes = { refused: [], retry: [] }

/**
 * Reads an `ExportLogsServiceResponse`. The protocol gives only the number of rejected records. If it is that of all lines,
 * they are refused one by one. Otherwise nobody can tell which lines were rejected, and none may be sent again.
 *
 * @throws Error if the body is a web page, as that of a wrong address
 */
export function readOtlpAnswer (part: BatchPart, body: string): LineOutcomes {
  const text = body.trim()
  if (text.startsWith('<')) throw new Error('the answer is a web page')
  const { rejectedLogRecords, errorMessage } = partialSuccessOf(text)
  const rejectedLines = Math.min(part.count, countOf(rejectedLogRecords))
  const reason = typeof errorMessage === 'string' ? errorMessage : ''
  if (rejectedLines === 0 && reason === '') return NOTHING
  const told = reason === '' ? 'the backend gives no reason' : reason
  if (rejectedLines === part.count) return { refused: indexesOf(part).map(line => ({ line, reason: told, status: OK })), retry: [] }
  return { ...NOTHING, remark: { rejectedLines, text: told } }
}

/** Some backends answer with an empty body, or with a word. */
function partialSuccessOf (text: string): { rejectedLogRecords?: unknown, errorMessage?: unknown } {
  try {
    return (JSON.parse(text) as { partialSuccess?: object | null } | null)?.partialSuccess ?? {}
  } catch {
    return {}
  }
}

/** A 64-bit integer is a text in the JSON of Protocol Buffers. A number is accepted too. */
function countOf (value: unknown): number {
  const count = typeof value === 'string' || typeof value === 'number' ? Math.floor(Number(value)) : 0
  return count > 0 ? count : 0
}
