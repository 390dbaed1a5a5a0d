import { resolve } from 'node:path'
import { FanoutError } from '../errors.js'
import type { SourceEntry, TargetSettings } from '../options.js'
import { part } from '../parts.js'
import type { Child, ChildListener, ChildSource } from './child.js'
import { InlineChild } from './inline-child.js'
import { isInSinkProcess } from './process-flags.js'
import { transferablesIn } from './transferables.js'

/** Creates a child of a target at each start of its sink. */
export type ChildMaker = (listener: ChildListener) => Child

/**
 * Returns a function that creates the children of a target, inline, in threads or in processes. To a backend, each start of a sink looks like the
 * first. But only the first start may empty a file: later ones append to it, even if the working directory has changed. An object
 * that was transferred to a thread cannot be transferred again.
 *
 * @param willSendConfig - True if {@link Child.configure} will be called
 */
export function createChildMaker (target: TargetSettings, willSendConfig: boolean): ChildMaker {
  const { name, source, isolation, worker, failureEvents, sense, writeTimeoutMs, redelivery } = target
  const { maxRssMb: _, ...threadOptions } = worker
  const cwd = process.cwd()
  const isPipeline = source.kind === 'pipeline'
  const entries: readonly SourceEntry[] = isPipeline ? source.entries : [source.entry]
  const transferables = isolation === 'thread' ? entries.flatMap(({ options }) => transferablesIn(options)) : []
  let hasStarted = false
  let hasTransferred = false
  return listener => {
    if (hasTransferred) throw new FanoutError('ERR_FANOUT_SINK_START', 'its options have an object that was transferred to its thread at its first start, and cannot be transferred again; use isolation: "inline", or replace the object by a name or a port number', { sink: name })
    const childSource: ChildSource = {
      sink: name,
      entries: entries.map(entry => entry.isPinoFile ? { ...entry, options: fileOptions(entry.options, { cwd, isPipeline, hasStarted }) } : entry),
      isPipeline,
      redelivers: redelivery === 'at-least-once',
      failureEvents,
      sense,
      writeTimeoutMs,
      willSendConfig,
      isFirst: !hasStarted
    }
    const ownListener: ChildListener = {
      ...listener,
      onReady: kind => {
        hasStarted = true
        listener.onReady(kind)
      }
    }
    if (isolation === 'inline') return new InlineChild(childSource, ownListener)
    if (isolation === 'process') {
      // A logger in a preloaded module would start processes without end: each of them loads the module again.
      if (isInSinkProcess()) throw new FanoutError('ERR_FANOUT_SINK_START', 'a process that was started for a sink starts none for further sinks; use isolation: "thread" there', { sink: name })
      return new (part('apart').ProcessChild)(childSource, worker, ownListener)
    }
    hasTransferred = transferables.length > 0
    return new (part('apart').ThreadChild)(childSource, { ...threadOptions, ...hasTransferred && { transferList: transferables } }, ownListener)
  }
}

/** Options for `pino/file`. It writes the buffers that all sinks share as they are: three files cost hardly more than one. */
function fileOptions (given: unknown, { cwd, isPipeline, hasStarted }: { cwd: string, isPipeline: boolean, hasStarted: boolean }): object {
  const options = { ...given as { destination?: unknown, append?: unknown } }
  return {
    ...!isPipeline && { contentMode: 'buffer' },
    ...options,
    ...typeof options.destination === 'string' && { destination: resolve(cwd, options.destination) },
    ...hasStarted && { append: true }
  }
}
