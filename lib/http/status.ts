/** What a client cannot send again with a better outcome, but for these: they are about who asks, when and where. */
const RETRYABLE = new Set([401, 403, 404, 408, 429])

/** Whether a status says that all is well. */
export function isSuccess (status: number): boolean {
  return status >= 200 && status < 300
}

/** Whether a status refuses what was sent, for good. */
export function isRefusal (status: number): boolean {
  return status >= 400 && status < 500 && !RETRYABLE.has(status)
}
