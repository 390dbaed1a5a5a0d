import type { DeadLetter } from '../lane/dead-letters.js'

/**
 * What a line of a dead-letter file is, as far as a replay needs it; `undefined` if it is none: it was cut off, or
 * somebody else's.
 */
export function parseDeadLetter (bytes: Buffer): DeadLetter | undefined {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { sink, line, attempts } = value as Partial<DeadLetter>
  // A line with a newline in it would be two.
  if (typeof sink !== 'string' || typeof line !== 'string' || line === '' || line.includes('\n')) return undefined
  return { ...value as DeadLetter, attempts: typeof attempts === 'number' && attempts > 0 ? attempts : 0 }
}

/** The record of a line that was refused before, and now again. */
export function refusedAgain (before: DeadLetter, { time, reason, status, attempts }: Pick<DeadLetter, 'time' | 'reason' | 'status' | 'attempts'>): DeadLetter {
  return { time, sink: before.sink, reason, ...(status !== undefined && { status }), attempts: before.attempts + attempts, line: before.line }
}
