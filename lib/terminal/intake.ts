import { fstatSync, readSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'

/** The standard input of a process. */
export type Input = Readable & { readonly fd?: number, readonly isTTY?: boolean }

/** How reading has ended: at the end of the input, because the user wanted it, or by an error. */
export type IntakeEnd =
  | { readonly kind: 'complete' }
  | { readonly kind: 'stopped', readonly isEmpty: boolean }
  | { readonly kind: 'failed', readonly error: Error }

/** After a signal, reading goes on for this long: the app may have got the signal too, and say something at its end. */
const LAST_WORDS_MS = 1000
const NEWLINE = 0x0A

/**
 * Writes what comes on an input to the transport, as fast as that takes it: a pipe that is not read holds its writer back. Ends with
 * the input, or some time after `stop` is aborted, behind a whole line.
 */
export async function readInto (stream: Writable, input: Input, stop: AbortSignal): Promise<IntakeEnd> {
  return await new Promise(resolve => {
    let isMidLine = false
    let isHeldBack = false
    let isStopping = false
    let timer: NodeJS.Timeout | undefined
    const write = (chunk: Buffer): void => {
      isMidLine = chunk.at(-1) !== NEWLINE
      isHeldBack = !stream.write(chunk)
      if (isHeldBack) input.pause()
    }
    const finish = (end: IntakeEnd): void => {
      clearTimeout(timer)
      stop.removeEventListener('abort', onStop)
      stream.off('drain', onDrain)
      input.off('data', onData).off('end', onEnd).off('error', onError).pause()
      // Its late errors are nobody's business.
      input.on('error', () => {})
      resolve(end)
    }
    const finishEarly = (): void => finish({ kind: 'stopped', isEmpty: !isMidLine && !hasMore(input) })
    const finishLine = (chunk: Buffer): void => {
      const length = chunk.indexOf(NEWLINE) + 1
      if (length === 0) return write(chunk)
      write(chunk.subarray(0, length))
      // An input that flows would emit what is put back at once.
      input.off('data', onData).pause()
      if (length < chunk.length) input.unshift(chunk.subarray(length))
      finishEarly()
    }
    const awaitLine = (): void => { timer = setTimeout(() => isHeldBack ? awaitLine() : finishEarly(), LAST_WORDS_MS) }
    const onData = (chunk: Buffer): void => isStopping ? finishLine(chunk) : write(chunk)
    const onDrain = (): void => {
      isHeldBack = false
      input.resume()
    }
    const onEnd = (): void => finish({ kind: 'complete' })
    const onError = (error: Error): void => finish({ kind: 'failed', error })
    const onStop = (): void => {
      timer = setTimeout(() => {
        isStopping = true
        if (isMidLine) awaitLine()
        else finishEarly()
      }, LAST_WORDS_MS)
    }
    stream.on('drain', onDrain)
    input.on('data', onData).once('end', onEnd).once('error', onError)
    if (stop.aborted) onStop()
    else stop.addEventListener('abort', onStop, { once: true })
  })
}

/** True if something is left in a pipe, a socket or a file that was not read. Reads one byte of it. */
function hasMore (input: Input): boolean {
  if (input.readableLength > 0) return true
  const { fd } = input
  if (fd === undefined || input.isTTY === true) return false
  try {
    const stats = fstatSync(fd)
    return (stats.isFile() || stats.isFIFO() || stats.isSocket()) && readSync(fd, Buffer.alloc(1)) > 0
  } catch {
    // A pipe that is empty says EAGAIN.
    return false
  }
}
