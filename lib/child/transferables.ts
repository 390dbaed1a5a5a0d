import { MessagePort } from 'node:worker_threads'
import type { TransferListItem } from 'node:worker_threads'

const MAX_DEPTH = 8

/**
 * The objects within a target's options that reach another thread only by a transfer, which is possible once.
 *
 * @param value - The options as they came from the app
 */
export function transferablesIn (value: unknown): TransferListItem[] {
  const found = new Set<TransferListItem>()
  collect(value, found, MAX_DEPTH)
  return [...found]
}

function collect (value: unknown, found: Set<TransferListItem>, depth: number): void {
  if (typeof value !== 'object' || value === null || depth === 0) return
  if (value instanceof MessagePort) {
    found.add(value)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return
  for (const inner of Object.values(value)) collect(inner, found, depth - 1)
}
