import { LaneRig, type LaneRigOptions } from './lane-rig.js'
import type { HandClock } from './hand-clock.js'
import { MemoryDisk } from './memory-disk.js'
import { rest } from './spool-rig.js'

/** A lane with a delivery sink, and a spool on a disk in memory, for tests whose lines are words. */
export class SpoolingLane extends LaneRig {
  readonly disk: MemoryDisk

  constructor ({ disk = new MemoryDisk(), ...options }: SpoolingLaneOptions) {
    super({ whenOpen: 'spool', spool: { mode: 'open' }, disk, breaker: { failureThreshold: 1, recoveryTimeoutMs: 1000 }, ...options })
    this.disk = disk
  }

  /** A lane whose spool is open and whose sink is ready. */
  static async open (options: SpoolingLaneOptions): Promise<SpoolingLane> {
    const rig = new SpoolingLane(options)
    rig.start()
    await rest()
    return rig
  }

  /** A lane whose breaker was tripped by its line `first`, which came back. */
  static async tripped (options: SpoolingLaneOptions): Promise<SpoolingLane> {
    const rig = await SpoolingLane.open(options)
    rig.log('first')
    rig.child.settle('network')
    await rest()
    return rig
  }

  /** Starts a lane with a sink that is ready at once. */
  start (): void {
    this.lane.start()
    this.child.ready('delivery')
  }

  /** Offers lines as JSON, since a spool treats other lines as damaged. */
  log (...words: string[]): void {
    this.offer(...words.map(word => JSON.stringify(word)))
  }

  /** The lines that the sink was given, batch by batch. */
  get sent (): string[] {
    return this.batches.map(batch => batch.replaceAll('"', ''))
  }

  async wait (ms: number): Promise<void> {
    this.clock.advance(ms)
    await rest()
    this.check()
  }

  /** Accepts every batch until there are no more. */
  async deliverAll (): Promise<void> {
    for (let sent = -1; sent !== this.child.sent.length;) {
      sent = this.child.sent.length
      this.child.settle()
      await rest()
      this.check()
    }
  }

  /** Ends the lane within a time. */
  async end (ms = 1000): Promise<void> {
    const deadline = this.clock.now() + ms
    const ended = this.lane.drain(deadline).then(() => this.lane.end(deadline))
    for (let passed = 0; passed < ms; passed += 50) {
      await rest()
      this.clock.advance(50)
    }
    // At the deadline, remaining waits get the shortest possible time.
    for (let n = 0; n < 2; n++) {
      await rest()
      this.clock.advance(1)
    }
    await rest()
    await ended
    this.check()
  }
}

/** Options of a {@link SpoolingLane}, with the clock of a test. */
export interface SpoolingLaneOptions extends LaneRigOptions {
  clock: HandClock
  disk?: MemoryDisk
}
