import type { TargetSettings } from '../options.js'
import type { Child, ChildListener, ChildSource } from './child.js'
import { InlineChild } from './inline-child.js'
import { ThreadChild } from './thread-child.js'

/**
 * Makes the child of a target, where its settings have it run.
 *
 * @param givesConfig - Whether {@link Child.configure} is going to be called
 */
export function createChild ({ name, source, isolation, worker, failureEvents, sense, writeTimeoutMs, redelivery }: TargetSettings, givesConfig: boolean, listener: ChildListener): Child {
  const childSource: ChildSource = {
    sink: name,
    entries: source.kind === 'pipeline' ? source.entries : [withBuffers(source.entry)],
    isPipeline: source.kind === 'pipeline',
    redelivers: redelivery === 'at-least-once',
    failureEvents,
    sense,
    writeTimeoutMs,
    willSendConfig: givesConfig
  }
  return isolation === 'inline' ? new InlineChild(childSource, listener) : new ThreadChild(childSource, worker, listener)
}

/** `pino/file` writes buffers as they are: three files then cost hardly more than one (DESIGN §2). */
function withBuffers (entry: ChildSource['entries'][number]): ChildSource['entries'][number] {
  return entry.isPinoFile ? { ...entry, options: { contentMode: 'buffer', ...entry.options as object } } : entry
}
