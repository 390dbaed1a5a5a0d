import { spawn, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { FanoutError } from '../errors.js'
import { toFailure, type FailureReason, type SinkFailure } from '../failure.js'
import type { PinoConfig } from '../pino-config.js'
import type { Child, ChildListener, ChildSource, Parcel, SinkKind } from './child.js'
import { FrameReader, toFrame } from './frames.js'
import { processHostPath } from './host-path.js'
import { isBundled } from './host-script.js'
import { LineRing } from './line-ring.js'
import { processEnv, processFlags, type ProcessWorkerOptions } from './process-flags.js'
import { asReport, MAX_REPORT_BYTES, type OutputStream, type ProcessOrder, type ProcessReport, type ProcessStart } from './process-messages.js'
import { giveSharedMemoryBack, takeSharedMemory } from './shared-memory.js'
import { RING_BYTES, WINDOW_BYTES } from './thread-child.js'

/** Possible causes of the signals that end a sink's process, for messages. */
const CAUSES: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGABRT: '; stderr has the reason, such as a full heap',
  SIGKILL: '; the system does that to a process when memory is short'
}

/** A sink in a process of its own. Whatever it does there, even to its process, reaches nobody else. */
export class ProcessChild implements Child {
  readonly windowBytes = WINDOW_BYTES
  readonly copies = true
  readonly #process: ChildProcess
  /** `undefined` if the process could not be started. */
  readonly #pipe: Socket | undefined
  readonly #listener: ChildListener
  readonly #sink: string
  /** Holds lines until the system has taken them. */
  readonly #ring = new LineRing(takeSharedMemory(RING_BYTES))
  readonly #memory = Buffer.from(this.#ring.memory)
  readonly #reports: ProcessReport[] = []
  readonly #frames = new FrameReader(MAX_REPORT_BYTES, message => this.#reports.push(asReport(message)))
  readonly #flushes = new Map<number, () => void>()
  readonly #whenGone: Promise<void>
  #kind: SinkKind = 'stream'
  #givenBytes = 0
  #lastFlush = 0
  #isOver = false
  #hasExited = false

  /** @throws {@link FanoutError} `ERR_FANOUT_SINK_START` if the options cannot be cloned, `ERR_FANOUT_SINK_PROCESS` in a bundle; the error of Node.js if it allows no processes */
  constructor (source: ChildSource, worker: ProcessWorkerOptions, listener: ChildListener) {
    this.#listener = listener
    this.#sink = source.sink
    if (isBundled) throw this.#error('isolation: \'process\' needs files of this package that are not in a bundle; name pino-breaker-fanout as external')
    const start = startFrame(source, worker)
    const child = this.#process = spawn(process.execPath, [...processFlags(worker, process.execArgv), processHostPath], {
      env: processEnv(worker),
      // Transports write to these descriptors, as in a thread. A pipe can be written to without blocking on Windows only if it is `overlapped`.
      stdio: ['ignore', 'inherit', 'inherit', 'overlapped'],
      windowsHide: true
    })
    this.#whenGone = new Promise(resolve => {
      // No `exit` follows if it could not be started.
      child.on('error', error => {
        if (child.pid !== undefined) return
        this.#onGone(resolve)
        this.#fail('start-failed', error)
      })
      child.once('exit', () => this.#onGone(resolve))
    })
    // `close` comes after the last report has been read.
    child.once('close', (code, signal) => {
      giveSharedMemoryBack(this.#ring.memory)
      this.#fail('process-exit', this.#error(exitMessage(code, signal)))
    })
    const pipe = this.#pipe = child.stdio?.[3] as Socket | undefined
    pipe?.on('data', (chunk: Buffer) => this.#read(chunk))
    // The exit of the process tells why the pipe broke. A process that has only closed it is of no use.
    pipe?.on('error', () => {})
    pipe?.once('close', () => child.kill('SIGKILL'))
    this.#write(start)
  }

  configure (config: PinoConfig): void {
    this.#order(['configure', config])
  }

  send ({ id, runs, lines: { bytes, count, attempts, arrivedBytes } }: Parcel): void {
    if (this.#isOver) return
    const lines = this.#kind === 'delivery' ? bytes : bytes.subarray(arrivedBytes)
    const place = this.#ring.put(lines)
    const givenBytes = this.#givenBytes += lines.length
    const copy = place === undefined ? Buffer.from(lines) : this.#memory.subarray(place.at, place.at + place.length)
    this.#write(toFrame(['send', id, count, attempts, runs] satisfies ProcessOrder, copy), () => this.#ring.free(givenBytes))
  }

  hasten (): void {
    this.#order(['hasten'])
  }

  abort (id: string): void {
    this.#order(['abort', id])
  }

  async flush (): Promise<void> {
    if (this.#isOver) return
    await new Promise<void>(resolve => {
      const flush = ++this.#lastFlush
      this.#flushes.set(flush, resolve)
      this.#order(['flush', flush])
    })
  }

  end (): void {
    this.#order(['end'])
  }

  async destroy (): Promise<void> {
    this.#finish()
    await this.#whenGone
  }

  /** Only a call that the system does not interrupt delays the end of a killed process. */
  get isHanging (): boolean {
    return !this.#hasExited
  }

  #order (order: ProcessOrder): void {
    if (!this.#isOver) this.#write(toFrame(order))
  }

  #write ([head, body]: ReturnType<typeof toFrame>, onWritten?: () => void): void {
    const pipe = this.#pipe
    if (pipe === undefined) return
    if (body.length === 0) {
      pipe.write(head)
      return
    }
    pipe.cork()
    pipe.write(head)
    pipe.write(body, onWritten)
    pipe.uncork()
  }

  #read (chunk: Buffer): void {
    let fault: unknown
    try {
      this.#frames.read(chunk)
    } catch (error) {
      fault = error
    }
    for (const report of this.#reports.splice(0)) this.#onReport(report)
    if (fault !== undefined) this.#fail('stream-error', this.#error('something in its process wrote to the pipe that is for reports', fault))
  }

  #onReport (report: ProcessReport): void {
    switch (report[0]) {
      case 'flushed':
        this.#flushes.get(report[1])?.()
        this.#flushes.delete(report[1])
        return
      case 'output':
        return this.#print(report[1], report[2])
      case 'onFailure':
        return this.#reportFailure(report[1])
      case 'onReady':
        this.#kind = report[1]
    }
    if (this.#isOver) return
    if (report[0] === 'onEnded') this.#finish()
    const [name, ...args] = report
    ;(this.#listener[name] as (...args: unknown[]) => void)(...args)
  }

  /** Prints as a thread of this process does, by way of the app's thread. More is read from the sink once this is printed. */
  #print (stream: OutputStream, text: Uint8Array): void {
    process[stream].write(text, () => this.#order(['printed', stream]))
  }

  #onGone (resolve: () => void): void {
    this.#hasExited = true
    resolve()
  }

  #error (message: string, cause?: unknown): FanoutError {
    return new FanoutError('ERR_FANOUT_SINK_PROCESS', message, { sink: this.#sink, cause })
  }

  #fail (reason: FailureReason, error: unknown): void {
    this.#reportFailure(toFailure(reason, error))
  }

  #reportFailure (failure: SinkFailure): void {
    if (this.#isOver) return
    this.#finish()
    this.#listener.onFailure(failure)
  }

  /** Nothing is asked of the process any more. It is killed if it has not exited. */
  #finish (): void {
    this.#isOver = true
    this.#process.kill('SIGKILL')
    for (const resolve of this.#flushes.values()) resolve()
    this.#flushes.clear()
  }
}

function startFrame (source: ChildSource, { name, argv, resourceLimits, maxRssMb }: ProcessWorkerOptions): ReturnType<typeof toFrame> {
  const worker = {
    name: name ?? `pino-breaker-fanout:${source.sink}`,
    ...argv !== undefined && { argv },
    ...resourceLimits !== undefined && { resourceLimits }
  }
  try {
    return toFrame(['start', { source, worker, maxRssMb } satisfies ProcessStart] satisfies ProcessOrder)
  } catch (cause) {
    throw new FanoutError('ERR_FANOUT_SINK_START', 'its options have an object that cannot be handed to another process; use isolation: "thread", or replace the object by plain data', { sink: source.sink, cause })
  }
}

function exitMessage (code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `the process of the sink exited with code ${code}` : `the process of the sink was ended by ${signal}${CAUSES[signal] ?? ''}`
}
