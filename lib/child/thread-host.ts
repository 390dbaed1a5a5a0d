// The main script of a sink's thread.
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { createClock, systemClock } from '../clock.js'
import { toFailure } from '../failure.js'
import type { ChildSource } from './child.js'
import { Evidence } from './evidence.js'
import { SinkHost } from './host.js'
import type { RingPlace } from './line-ring.js'
import type { HostData, HostMessage, HostOrder, HostReport } from './messages.js'
import type { Sense } from './sensing.js'
import { watchSockets } from './sockets.js'

const AN_HOUR_MS = 60 * 60 * 1000

const port = parentPort as MessagePort
const { source, ring } = (workerData as HostData).host
const evidence = new Evidence(systemClock, source.writeTimeoutMs, told => {
  report({ type: 'evidence', ...told })
  sense?.noteAcceptance()
})
/** Bytes that a stream sink was given. */
let given = 0
let host: SinkHost
let sense: Sense | undefined

// A thread in which nothing is pending exits, and that would hide a factory whose promise never settles.
setInterval(() => {}, AN_HOUR_MS)
watchSockets()
process.on('uncaughtException', endAfterFault)
process.on('unhandledRejection', endAfterFault)
start()

/** Listens for orders only after the start. Our listener would make the port deliver pino's config before the sink listens for it. */
async function start (): Promise<void> {
  if (source.sense !== false) sense = await createSense(source, source.sense)
  host = createHost()
  await host.start()
  const memory = Buffer.from(ring)
  port.on('message', (message: HostOrder | { code?: unknown } | null) => {
    if (message !== null && typeof message === 'object') follow(message, memory)
  })
}

function createHost (): SinkHost {
  return new SinkHost(source, {
    onReady: kind => {
      // A delivery sink reports each batch itself. Its requests would report the same again.
      if (kind === 'delivery') sense?.close()
      report({ type: 'ready', kind })
    },
    onAccepted: (bytes, consumed) => evidence.accept(bytes, consumed),
    onDelivered: bytes => evidence.deliver(bytes),
    onSettled: (id, rejection) => report({ type: 'settled', id, rejection }),
    onFailure: failure => {
      evidence.report()
      report({ type: 'failure', failure })
    },
    onEnded: () => {
      evidence.report()
      report({ type: 'ended' })
      setImmediate(() => process.exit(0))
    },
    onAnswered: () => {},
    onSensed: () => {},
    onSetback: () => {},
    onRefused: () => {},
    onLateDelivery: () => {},
    onLateFault: () => {},
    onEvent: () => {}
  }, sense)
}

/** Senses the sink's requests and sockets, and reports them in order with the rest of the evidence. */
async function createSense ({ sink, writeTimeoutMs }: ChildSource, options: { console: boolean }): Promise<Sense> {
  // This loads node:http, which a sink that is not sensed may not need.
  const { Sense, lookIntervalMs } = await import('./sensing.js')
  const clock = createClock({ beatMs: lookIntervalMs(writeTimeoutMs), isRef: false })
  return new Sense({ sink, writeTimeoutMs, console: options.console, mark: () => host.consumedBytes, clock }, {
    onSensed: traffic => report({ type: 'sensed', traffic }),
    onDelivered: bytes => evidence.deliver(bytes),
    onAnswered: bytes => evidence.answer(bytes),
    onSetback: failure => {
      evidence.report()
      report({ type: 'setback', failure })
    },
    onRefused: (bytes, failure) => {
      evidence.report()
      report({ type: 'refused', bytes, failure })
    }
  })
}

/** Follows an order of the child. The port carries other messages too, such as pino's config. */
function follow (message: HostOrder | { code?: unknown }, memory: Buffer): void {
  if (isOrder(message, 'FANOUT_LINES')) {
    writeLines(message.lines, memory)
  } else if (isOrder(message, 'FANOUT_SEND')) {
    const { id, runs, bytes, count, attempt } = message
    host.send({ id, runs, content: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), count, bytes: bytes.byteLength, attempt })
  } else if (isOrder(message, 'FANOUT_HASTEN')) {
    evidence.hasten(given)
  } else if (isOrder(message, 'FANOUT_ABORT')) {
    host.abort(message.id)
  } else if (isOrder(message, 'FANOUT_FLUSH')) {
    host.flush().then(() => {
      evidence.report()
      report({ type: 'flushed', flush: message.flush })
    })
  } else if (isOrder(message, 'FANOUT_END')) {
    host.end()
  }
}

/** Writes lines as text to a sink that takes text. Another sink gets the bytes in the ring, or a copy if it may keep them. */
function writeLines (lines: RingPlace | Uint8Array, memory: Buffer): void {
  const isOwn = lines instanceof Uint8Array
  given += lines.length
  const bytes = isOwn ? Buffer.from(lines.buffer, lines.byteOffset, lines.length) : memory.subarray(lines.at, lines.at + lines.length)
  if (host.takes === 'text') host.write(bytes.toString(), bytes.length)
  else host.write(isOwn || host.keepsNothing ? bytes : Buffer.from(bytes), bytes.length)
}

function isOrder<Code extends HostOrder['code']> (message: { code?: unknown }, code: Code): message is HostOrder & { code: Code } {
  return message.code === code
}

function endAfterFault (error: unknown): void {
  report({ type: 'failure', failure: toFailure('thread-exit', error) })
  process.exit(1)
}

function report (what: HostReport): void {
  port.postMessage({ code: 'FANOUT_REPORT', report: what } satisfies HostMessage)
}
