// The main script of a sink's process. The sink has a thread of its own in it, so this thread is never blocked by the sink: it
// passes orders and reports on, watches the memory of the process, and ends the process with its app.
import { Socket } from 'node:net'
import { Writable } from 'node:stream'
import { freshLines } from '../batch.js'
import { FanoutError } from '../errors.js'
import { toFailure } from '../failure.js'
import { endPreloadedTransports } from '../preload.js'
import type { ChildListener } from './child.js'
import { FrameReader, toFrame } from './frames.js'
import { eventNames, MAX_REPORT_BYTES, type OutputStream, type ProcessOrder, type ProcessReport, type ProcessStart } from './process-messages.js'
import { watchRss } from './rss-watch.js'
import { ThreadChild } from './thread-child.js'

/** The descriptor of the pipe to the app's process. */
const PIPE = 3
const PIPE_READ_BYTES = 128 * 1024
/** Printed text is passed on in pieces of this size. */
const TEXT_BYTES = 64 * 1024
/** How long the sink may take to end in good order after the app has died. */
const ORPHAN_MS = 1000
/** How long the app's process may take to end this one, which has too much memory. */
const EXCESS_MS = 50
/** Signals that reach all processes of a terminal, a service or a container at once. The app decides what they mean for its log. */
const SIGNALS_OF_THE_APP = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

let child: ThreadChild | undefined
let isOrphan = false
const onPrinted: Partial<Record<OutputStream, () => void>> = {}
const orders = new FrameReader(Infinity, (order, body) => follow(order as ProcessOrder, body))

for (const signal of SIGNALS_OF_THE_APP) process.on(signal, () => {})
for (const stream of ['stdout', 'stderr'] as const) printThroughApp(stream)
endPreloadedTransports({ alwaysEnds: true })
// The same memory for each read: new memory would be garbage, which V8 collects late.
const pipe = new Socket({
  fd: PIPE,
  onread: {
    buffer: Buffer.allocUnsafeSlow(PIPE_READ_BYTES),
    callback (bytes: number, memory: Uint8Array) {
      orders.read(Buffer.from(memory.buffer, memory.byteOffset, bytes))
      return true
    }
  }
} as ConstructorParameters<typeof Socket>[0])
pipe.on('error', () => {})
pipe.once('close', outlive)

function follow (order: ProcessOrder, body: Buffer): void {
  switch (order[0]) {
    case 'start': return start(order[1])
    case 'configure': return child?.configure(order[1])
    case 'send': return child?.send({ id: order[1], runs: order[4], lines: { ...freshLines(body, order[2], 0), attempts: order[3] } })
    case 'hasten': return child?.hasten()
    case 'abort': return child?.abort(order[1])
    case 'flush': {
      const [, flush] = order
      child?.flush().then(() => report(['flushed', flush]))
      return
    }
    case 'end': return child?.end()
    case 'printed': return onPrinted[order[1]]?.()
  }
}

function start ({ source, worker, maxRssMb }: ProcessStart): void {
  process.title = worker.name
  const reports = Object.fromEntries(eventNames.map(name => [name, (...args: unknown[]) => report([name, ...args] as ProcessReport)])) as unknown as ChildListener
  child = new ThreadChild(source, worker, {
    ...reports,
    onEvent: (name, args) => {
      try {
        reports.onEvent(name, args)
      } catch {
        // An object that came by transfer, such as a MessagePort, cannot be cloned to another process.
      }
    },
    onFailure: failure => {
      reports.onFailure(failure)
      child?.destroy()
      if (isOrphan) die()
    },
    onEnded: () => {
      reports.onEnded()
      if (isOrphan) die()
    }
  })
  if (maxRssMb === undefined) return
  watchRss(maxRssMb, message => {
    report(['onFailure', toFailure('out-of-memory', new FanoutError('ERR_FANOUT_SINK_PROCESS', message, { sink: source.sink }))])
    setTimeout(die, EXCESS_MS)
  })
}

function report (report: ProcessReport): void {
  const frame = Buffer.concat(toFrame(report))
  // Only an event of the sink for the app can be as large as this. It is dropped: the lines matter more.
  if (frame.length <= MAX_REPORT_BYTES) pipe.write(frame)
}

/** The app has died, or has given this process up without a signal. What the sink has taken may still arrive. */
function outlive (): void {
  if (child === undefined) return die()
  isOrphan = true
  child.end()
  setTimeout(die, ORPHAN_MS)
}

/** Ends this process whatever its threads are doing. */
function die (): void {
  process.kill(process.pid, 'SIGKILL')
}

/**
 * Sends what is printed in this process to the app, as in a thread of the app. This thread must not write it itself: a reader
 * that stands still would block it.
 */
function printThroughApp (stream: OutputStream): void {
  const output = new Writable({
    write (text: Buffer, _encoding, done) {
      const print = (rest: Buffer): void => {
        onPrinted[stream] = rest.length > TEXT_BYTES ? () => print(rest.subarray(TEXT_BYTES)) : done
        report(['output', stream, rest.subarray(0, TEXT_BYTES)])
      }
      print(text)
    }
  })
  Object.defineProperty(process, stream, { value: output, configurable: true })
}
