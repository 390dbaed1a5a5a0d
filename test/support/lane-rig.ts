import assert from 'node:assert/strict'
import { Batch } from '#lib/batch'
import type { TransitionEvent } from '#lib/breaker'
import type { Child, ChildListener, Parcel, SinkKind } from '#lib/child/child'
import type { Rejection } from '#lib/child/rejection'
import type { FailureReason, SinkFailure } from '#lib/failure'
import { Lane } from '#lib/lane'
import type { DeadLetter } from '#lib/dead-letters/dead-letter'
import type { LaneSettings } from '#lib/lane/lane-deps'
import type { Loss } from '#lib/reports/loss-report'
import type { SpoolNews } from '#lib/reports/spool-report'
import type { SinkSnapshot } from '#lib/metrics'
import type { PinoConfig } from '#lib/pino-config'
import type { NewLines } from '#lib/queue'
import type { FileSystem } from '#lib/spool/file-system'
import type { OwnerTable } from '#lib/spool/owner'
import { Spool } from '#lib/spool/spool'
import type { SpoolFolderSettings } from '#lib/spool/spool-deps'
import { HandClock, settled } from './hand-clock.js'
import { FOLDER, OwnerList } from './spool-rig.js'

/** How many random numbers were drawn for the spools of each disk. */
const draws = new WeakMap<object, number>()

/** The next random number for a spool of this disk: another one for each run that it sees, and the same in each run of the test. */
function drawFor (disk: object): number {
  const drawn = draws.get(disk) ?? 0
  draws.set(disk, drawn + 1)
  return (0.5 + drawn * 0.37) % 1
}

/** A child that does nothing by itself. A test plays the part of its sink. */
export class ScriptedChild implements Child {
  readonly copies = true
  readonly windowBytes: number
  readonly listener: ChildListener
  readonly sent: Parcel[] = []
  readonly aborted: string[] = []
  hastened = 0
  readonly configs: PinoConfig[] = []
  isAskedToEnd = false
  isDestroyed = false
  /** Whether a call stays pending after the child is destroyed, until {@link comeBack}. */
  isHanging = false
  comeBack: () => void = () => {}
  flushes: Array<() => void> = []
  #accepted = 0
  #delivered = 0
  #answers = 0

  constructor (listener: ChildListener, windowBytes: number) {
    this.listener = listener
    this.windowBytes = windowBytes
  }

  configure (config: PinoConfig): void { this.configs.push(config) }
  send ({ id, runs, lines }: Parcel): void { this.sent.push({ id, ...runs && { runs }, lines: { ...lines, bytes: Buffer.from(lines.bytes) } }) }
  hasten (): void { this.hastened++ }
  abort (id: string): void { this.aborted.push(id) }
  async flush (): Promise<void> { await new Promise<void>(resolve => { this.flushes.push(resolve) }) }
  end (): void { this.isAskedToEnd = true }
  async destroy (): Promise<void> {
    this.isDestroyed = true
    if (!this.isHanging) return
    await new Promise<void>(resolve => {
      this.comeBack = () => {
        this.isHanging = false
        resolve()
      }
    })
  }

  /** The lines that the sink was given, as text. */
  get text (): string {
    return this.sent.map(({ lines: { bytes, arrivedBytes } }) => bytes.subarray(arrivedBytes).toString()).join('')
  }

  /** How many bytes the sink was given. */
  get given (): number {
    return this.sent.reduce((sum, { lines: { bytes, arrivedBytes } }) => sum + bytes.length - arrivedBytes, 0)
  }

  get accepted (): number {
    return this.#accepted
  }

  get delivered (): number {
    return this.#delivered
  }

  get last (): Parcel {
    const parcel = this.sent.at(-1)
    if (parcel === undefined) throw new Error('the sink was given nothing')
    return parcel
  }

  ready (kind: SinkKind = 'stream'): void { this.listener.onReady(kind) }

  accept (bytes = this.given - this.#accepted): void {
    this.#accepted += bytes
    this.listener.onAccepted(this.#accepted, this.#accepted)
  }

  /** Accepts all lines, and keeps the given number of bytes in the sink's own buffers. */
  hold (bytes: number): void {
    this.#accepted = this.given
    this.listener.onAccepted(this.#accepted, this.#accepted - bytes)
  }

  deliver (bytes = this.given - this.#delivered): void {
    this.#delivered += bytes
    this.#accepted = Math.max(this.#accepted, this.#delivered)
    this.listener.onDelivered(this.#delivered)
  }

  /** Whether a delivery sink has an unanswered batch. */
  get isAsked (): boolean {
    return this.sent.length > this.#answers
  }

  /** Answers the last batch of a delivery sink. */
  settle (reason?: FailureReason, id = this.last.id): void {
    this.#answers = this.sent.length
    this.listener.onSettled(id, reason === undefined ? undefined : { reason, err: { type: 'Error', message: reason } })
  }

  /** Rejects the last batch of a delivery sink: not all of it has arrived. */
  reject (rejection: Partial<Rejection>, id = this.last.id): void {
    this.#answers = this.sent.length
    this.listener.onSettled(id, { reason: 'write-error', err: { type: 'Error', message: 'rejected' }, ...rejection })
  }

  /** The backend refuses the last batch of a delivery sink for good. */
  refuse (status = 400): void {
    this.reject({ reason: `http-${status}`, err: { type: 'Error', message: `answered ${status}`, statusCode: status }, isRefusal: true })
  }

  fail (reason: FailureReason = 'stream-error'): void {
    this.listener.onFailure({ reason, err: { type: 'Error', message: reason } })
  }
}

export interface LaneRigOptions extends Partial<Omit<LaneSettings, 'queue'>> {
  queue?: Partial<LaneSettings['queue']>
  windowBytes?: number
  willSendConfig?: boolean
  /** Takes lines that the lane cannot hold. */
  hasFallback?: boolean
  clock?: HandClock
  /** The disk of its spool, with `whenOpen: 'spool'`. */
  disk?: FileSystem
  spoolSizes?: Partial<SpoolFolderSettings>
  /** The owners of locks on the spool's disk. */
  owners?: OwnerTable
  /** Creates the child instead of a scripted one. May throw. */
  createChild?: (listener: ChildListener) => ScriptedChild
}

/** A lane whose sink and clock are controlled by a test, with a record of its events. */
export class LaneRig {
  readonly clock: HandClock
  readonly app = { isTurning: true }
  readonly lane: Lane
  readonly children: ScriptedChild[] = []
  readonly transitions: TransitionEvent[] = []
  readonly losses: Array<{ loss: Loss, lines: number }> = []
  readonly restarts: Array<{ reason: FailureReason, restarts: number }> = []
  readonly undelivered: number[] = []
  readonly lastFailures: Array<SinkFailure | undefined> = []
  readonly appEvents: Array<{ name: string, args: readonly unknown[] }> = []
  readonly passedOn: NewLines[] = []
  readonly spoolNews: SpoolNews[] = []
  /** The records in the dead-letter file. The test decides when they are written. */
  readonly deadLetters: DeadLetter[] = []
  #appends: Array<() => void> = []
  reliefs = 0
  isDiskFull = false

  constructor ({ clock = new HandClock(), windowBytes = 1024 * 1024, willSendConfig = false, hasFallback = false, disk, spoolSizes, owners = new OwnerList(), createChild, queue, ...settings }: LaneRigOptions = {}) {
    this.clock = clock
    this.lane = new Lane({
      settings: {
        name: 'loki',
        breaker: {},
        whenOpen: 'hold',
        writeTimeoutMs: 10000,
        startTimeoutMs: 10000,
        redelivery: 'at-least-once',
        sense: false,
        batch: { maxMs: 0, maxBytes: 512 * 1024 },
        ...settings,
        queue: { maxBytes: 16 * 1024 * 1024, maxLines: 100000, overflow: 'drop-oldest', blockTimeoutMs: 2000, ...queue }
      },
      life: 'life',
      willSendConfig,
      clock,
      app: this.app,
      random: () => 0.5,
      createChild: listener => {
        const child = createChild?.(listener) ?? new ScriptedChild(listener, windowBytes)
        this.children.push(child)
        return child
      },
      createSpool: disk && (events => new Spool(
        { folder: FOLDER, maxBytes: 1e9, segmentBytes: 1e6, syncMs: 1000, ...spoolSizes },
        { fs: disk, owners, clock, random: () => drawFor(disk) },
        events
      )),
      deadLetterStore: {
        append: async records => {
          await new Promise<void>(resolve => { this.#appends.push(resolve) })
          if (this.isDiskFull) return { written: 0 }
          this.deadLetters.push(...records.map(record => JSON.parse(record.toString()) as DeadLetter))
          return { written: records.length }
        }
      },
      events: {
        onTransition: event => {
          this.transitions.push(event)
          this.check()
        },
        onLoss: (loss, lines) => { this.losses.push({ loss, lines }) },
        onRestart: (reason, restarts) => { this.restarts.push({ reason, restarts }) },
        onUndelivered: (lines, lastFailure) => {
          this.undelivered.push(lines)
          this.lastFailures.push(lastFailure)
        },
        onEvent: (name, args) => { this.appEvents.push({ name, args }) },
        onSpoolNews: news => { this.spoolNews.push(news) }
      }
    })
    this.lane.onRelief = () => { this.reliefs++ }
    if (hasFallback) this.lane.fallBackTo({ name: 'spare', takeOver: lines => { this.passedOn.push(lines) } })
  }

  /** Writes all pending records to the dead-letter file. */
  async bury (): Promise<void> {
    for (const append of this.#appends.splice(0)) append()
    await settled()
    this.check()
  }

  /** The lines that the sink was given, batch by batch. */
  get batches (): string[] {
    return this.child.sent.map(({ lines: { bytes } }) => bytes.toString().trimEnd().replaceAll('\n', ' '))
  }

  /** The last child that was created. */
  get child (): ScriptedChild {
    const child = this.children.at(-1)
    if (child === undefined) throw new Error('no child was created')
    return child
  }

  /** The transitions as `from>to reason`. */
  get story (): string[] {
    return this.transitions.map(({ from, to, reason }) => `${from}>${to} ${reason}`)
  }

  get fallbackText (): string {
    return this.passedOn.map(({ bytes }) => bytes.toString()).join('')
  }

  offer (...lines: string[]): void {
    this.lane.offer(batchOf(...lines))
    this.check()
  }

  advance (ms: number): void {
    this.clock.advance(ms)
    this.check()
  }

  snapshot (): SinkSnapshot {
    this.check()
    return this.lane.snapshot()
  }

  /** Checks that every received line is in exactly one place. */
  check (): void {
    const snapshot = this.lane.snapshot()
    const { linesReceived, linesDelivered, linesSkipped, linesFallback, linesDeadLettered, queueLines, unsettledLines, spoolLines, linesDropped } = snapshot
    const dropped = Object.values(linesDropped).reduce((sum, lines) => sum + lines, 0)
    assert.equal(linesDelivered + linesSkipped + dropped + linesFallback + linesDeadLettered + queueLines + unsettledLines + spoolLines, linesReceived,
      `a line is lost or counted twice: ${JSON.stringify(snapshot)}`)
  }
}

/** Lines like those that come to a lane. */
export function batchOf (...lines: string[]): Batch {
  return new Batch(lines.map(line => `${line}\n`).join(''), lines.length)
}
