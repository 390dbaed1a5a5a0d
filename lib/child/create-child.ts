import { resolve } from 'node:path'
import { FanoutError } from '../errors.js'
import type { SourceEntry, TargetSettings } from '../options.js'
import type { Child, ChildListener, ChildSource } from './child.js'
import { InlineChild } from './inline-child.js'
import { ThreadChild } from './thread-child.js'
import { transferablesIn } from './transferables.js'

/** Makes a child of a target, each time that its sink is started. */
export type ChildMaker = (listener: ChildListener) => Child

/**
 * Makes the children of a target, where its settings have it run. A factory is run again as if it were the first time for
 * the backend, and never as if it were for the disk: a file that was emptied once is continued, in the folder of the first
 * start, and what was transferred to a thread once cannot be transferred again.
 *
 * @param givesConfig - Whether {@link Child.configure} is going to be called
 */
export function createChildMaker (target: TargetSettings, givesConfig: boolean): ChildMaker {
  const { name, source, isolation, worker, failureEvents, sense, writeTimeoutMs, redelivery } = target
  const cwd = process.cwd()
  const isPipeline = source.kind === 'pipeline'
  const entries: readonly SourceEntry[] = isPipeline ? source.entries : [source.entry]
  const transferables = isolation === 'thread' ? entries.flatMap(({ options }) => transferablesIn(options)) : []
  let hasStarted = false
  let hasTransferred = false
  return listener => {
    if (hasTransferred) throw new FanoutError('ERR_FANOUT_SINK_START', 'its options have an object that was transferred to its thread at its first start, and cannot be transferred again; use isolation: "inline" for it, or give it a name or a port number in place of the object', { sink: name })
    const childSource: ChildSource = {
      sink: name,
      entries: entries.map(entry => entry.isPinoFile ? { ...entry, options: fileOptions(entry.options, { cwd, isPipeline, hasStarted }) } : entry),
      isPipeline,
      redelivers: redelivery === 'at-least-once',
      failureEvents,
      sense,
      writeTimeoutMs,
      willSendConfig: givesConfig
    }
    const ownListener: ChildListener = {
      ...listener,
      onReady: kind => {
        hasStarted = true
        listener.onReady(kind)
      }
    }
    if (isolation === 'inline') return new InlineChild(childSource, ownListener)
    hasTransferred = transferables.length > 0
    return new ThreadChild(childSource, { ...worker, ...hasTransferred && { transferList: transferables } }, ownListener)
  }
}

/** `pino/file` writes buffers as they are: three files then cost hardly more than one. */
function fileOptions (given: unknown, { cwd, isPipeline, hasStarted }: { cwd: string, isPipeline: boolean, hasStarted: boolean }): object {
  const options = { ...given as { destination?: unknown, append?: unknown } }
  return {
    ...!isPipeline && { contentMode: 'buffer' },
    ...options,
    ...typeof options.destination === 'string' && { destination: resolve(cwd, options.destination) },
    ...hasStarted && { append: true }
  }
}
