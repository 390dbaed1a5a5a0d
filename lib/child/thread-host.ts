import { Writable } from 'node:stream'
import { parentPort } from 'node:worker_threads'
import { createClock, systemClock } from '../clock.js'
import { toFailure } from '../failure.js'
import { Evidence } from './evidence.js'
import { SinkHost } from './host.js'
import type { RingPlace } from './line-ring.js'
import { HOST_EVENT, type HostData, type HostOrder, type HostReport } from './messages.js'
import type { ChildSource } from './child.js'
import type { Sense } from './sensing.js'
import { watchSockets } from './sockets.js'

/**
 * What thread-stream runs in the thread of a sink. Returns only once the sink has started: until then nobody but the
 * sink listens to the port, so that it gets pino's config whenever it begins to listen.
 */
export default async function threadHost ({ source, ring }: HostData): Promise<Writable> {
  watchSockets()
  // Ahead of thread-stream's own listeners, which end the thread with less to say.
  process.prependListener('uncaughtException', error => report({ type: 'failure', failure: toFailure('thread-exit', error) }))
  process.prependListener('unhandledRejection', error => report({ type: 'failure', failure: toFailure('thread-exit', error) }))

  const evidence = new Evidence(systemClock, told => {
    report({ type: 'evidence', ...told })
    sense?.noteAcceptance()
  })
  const sense: Sense | undefined = source.sense === false ? undefined : await senseFor(source, source.sense, () => host.consumedBytes, evidence)
  const host: SinkHost = new SinkHost(source, {
    onReady: kind => {
      // A delivery sink tells what became of each batch: its requests would say the same thing twice.
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
      entry.destroy()
    },
    onAnswered: () => {},
    onSensed: () => {},
    onSetback: () => {},
    onRefused: () => {},
    onLateDelivery: () => {},
    onLateFault: () => {},
    onEvent: () => {}
  }, sense)
  await host.start()

  const memory = Buffer.from(ring)
  parentPort?.on('message', (order: HostOrder | { code?: unknown } | null) => {
    if (order === null || typeof order !== 'object') return
    if (isOrder(order, 'FANOUT_LINES')) {
      writeLines(host, memory, order.lines)
    } else if (isOrder(order, 'FANOUT_SEND')) {
      const { id, bytes, count, attempt } = order
      host.send({ id, content: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), count, bytes: bytes.byteLength, attempt })
    } else if (isOrder(order, 'FANOUT_ABORT')) {
      host.abort(order.id)
    } else if (isOrder(order, 'FANOUT_FLUSH')) {
      host.flush().then(() => {
        evidence.report()
        report({ type: 'flushed', flush: order.flush })
      })
    } else if (isOrder(order, 'FANOUT_END')) {
      host.end()
    }
  })

  // For thread-stream it stands for the sink, from start to end; the lines come by another way.
  const entry = new Writable()
  return entry
}

/** Text for a sink that takes text; else the bytes as they stand in the ring, or a copy for a sink that may keep them. */
function writeLines (host: SinkHost, memory: Buffer, lines: RingPlace | Uint8Array): void {
  const isOwn = lines instanceof Uint8Array
  const bytes = isOwn ? Buffer.from(lines.buffer, lines.byteOffset, lines.length) : memory.subarray(lines.at, lines.at + lines.length)
  if (host.takes === 'text') host.write(bytes.toString(), bytes.length)
  else host.write(isOwn || host.keepsNothing ? bytes : Buffer.from(bytes), bytes.length)
}

/** Reports what the sink's requests and sockets tell; in order with the rest of the evidence. */
async function senseFor ({ sink, writeTimeoutMs }: ChildSource, options: { console: boolean }, mark: () => number, evidence: Evidence): Promise<Sense> {
  // It loads node:http, of which a sink that is not sensed may have no need.
  const { Sense, lookIntervalMs } = await import('./sensing.js')
  const clock = createClock({ beatMs: lookIntervalMs(writeTimeoutMs), isRef: false })
  return new Sense({ sink, writeTimeoutMs, console: options.console, mark, clock }, {
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

function isOrder<Code extends HostOrder['code']> (order: { code?: unknown }, code: Code): order is HostOrder & { code: Code } {
  return order.code === code
}

function report (args: HostReport): void {
  parentPort?.postMessage({ code: 'EVENT', name: HOST_EVENT, args: [args] })
}
