import { workerData } from 'node:worker_threads'

/** The `file://` URL of the module that thread-stream has loaded in this thread; `undefined` outside thread-stream. */
export function transportUrl (): string | undefined {
  const filename = (workerData as { filename?: unknown } | null)?.filename
  return typeof filename === 'string' && filename.startsWith('file://') ? filename : undefined
}
