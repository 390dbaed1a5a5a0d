import { isMainThread } from 'node:worker_threads'
import { DirectOutput } from './direct-output.js'

let isDirect = false

/**
 * From now on, what sinks print goes straight to the process' stdout and stderr. Node.js sends it by way of the app's thread,
 * which is blocked while the transport ends, and may never turn again. Does nothing in the app's own thread.
 */
export function printDirectly (): void {
  if (isMainThread || isDirect) return
  isDirect = true
  redirect(process.stdout, new DirectOutput(1))
  redirect(process.stderr, new DirectOutput(2))
}

function redirect (stream: NodeJS.WriteStream, output: DirectOutput): void {
  stream.write = (data: string | Uint8Array, ...rest: unknown[]): boolean => {
    output.write(typeof data === 'string' && typeof rest[0] === 'string' ? Buffer.from(data, rest[0] as BufferEncoding) : data)
    const done = rest.at(-1)
    if (typeof done === 'function') queueMicrotask(() => done())
    return true
  }
}
