import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import type { SinkFactory } from './load.js'

/** The code of `pino/file` in pino 9 and 10, with single spaces in place of quotes and line breaks. Any other code is run as it is. */
const KNOWN = 'use strict const pino = require( ./pino ) const { once } = require( node:events ) module.exports = async function (opts = {}) { const destOpts = Object.assign({}, opts, { dest: opts.destination || 1, sync: false }) delete destOpts.destination const destination = pino.destination(destOpts) await once(destination, ready ) return destination }'

/** The methods of a SonicBoom that are used here. */
interface SonicBoom extends NodeJS.EventEmitter {
  write: () => void
  end: () => void
  flushSync: () => void
  destroy: () => void
}

/**
 * Makes the stream of `pino/file` without loading pino, which takes a thread 10 ms where SonicBoom takes one. The main thread of an
 * app has loaded pino anyway, and pino flushes its files there when the process exits.
 *
 * @param file - The module of `pino/file`
 * @returns `undefined` if the module has to be loaded: in the main thread, in a bundle, and for another version of pino
 */
export function loadPinoFile (file: string): SinkFactory | undefined {
  if (isMainThread) return undefined
  try {
    const path = file.startsWith('file://') ? fileURLToPath(file) : file
    if (readFileSync(path, 'utf8').replace(/['\s]+/g, ' ').trim() !== KNOWN) return undefined
    const Stream = createRequire(path)('sonic-boom') as new (options: object) => SonicBoom
    return async options => {
      const { destination, ...rest } = options as { destination?: unknown }
      const stream = new Stream({ ...rest, dest: toDescriptor(destination || 1), sync: false })
      stream.on('error', endOnBrokenPipe)
      await once(stream, 'ready')
      return stream
    }
  } catch {
    // Pino itself says best what is wrong.
    return undefined
  }
}

/** Text that is a number is a descriptor for pino. */
function toDescriptor (destination: unknown): unknown {
  return typeof destination === 'string' && Number.isFinite(Number(destination)) ? Number(destination) : destination
}

/** Pino's own listener: once nobody reads a pipe any more, nothing is written to it. */
function endOnBrokenPipe (this: SonicBoom, error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') {
    this.write = this.end = this.flushSync = this.destroy = () => {}
    return
  }
  this.removeListener('error', endOnBrokenPipe)
  this.emit('error', error)
}
