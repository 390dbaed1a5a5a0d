import { systemClock, type Clock } from '#lib/clock'
import assert from 'node:assert/strict'
import { freshLines, type Lines } from '#lib/batch'
import type { FileSystem } from '#lib/spool/file-system'
import type { Owner, OwnerTable } from '#lib/spool/owner'
import type { Position, SpooledLines } from '#lib/spool/position'
import type { Recovered } from '#lib/spool/recovery'
import { SlottedSpool } from '#lib/spool/slotted-spool'
import { Spool, type LaneSpool } from '#lib/spool/spool'
import type { SpoolFolderSettings } from '#lib/spool/spool-deps'
import type { Hindrance, SlotEvents, SpoolFault, SpoolLoss } from '#lib/spool/spool-events'

export const FOLDER = '/spool/loki'

/** Owners of locks whose life a test controls. */
export class OwnerList implements OwnerTable {
  current: Owner = { bootId: 'boot', pid: 1, thread: 1, startTime: 1 }
  readonly alive: Owner[] = []

  /** An owner with the boot id `elsewhere` cannot be seen from here. */
  knows (owner: Owner): boolean {
    return owner.bootId !== 'elsewhere'
  }

  self (): Owner {
    return this.current
  }

  async isAlive (owner: Owner): Promise<boolean> {
    return this.alive.some(other => JSON.stringify(other) === JSON.stringify(owner))
  }
}

/** The texts of lines without their newlines. */
export function textsOf (bytes: Buffer): string[] {
  assert.equal(bytes.at(-1), 10, 'lines end with a newline')
  return bytes.toString().slice(0, -1).split('\n')
}

/** Options of a {@link SpoolRig}. */
export interface SpoolRigOptions extends Partial<SpoolFolderSettings> {
  fs: FileSystem
  owners?: OwnerTable
  /** Whether it is a spool with slots, which adopts those without a transport. */
  isSlotted?: boolean
  random?: () => number
}

/** A spool, and a record of its events. */
export class SpoolRig {
  readonly spool: LaneSpool
  readonly opened: Recovered[] = []
  readonly hindrances: Hindrance[] = []
  readonly returned: Array<{ texts: string[], error: unknown }> = []
  readonly faults: SpoolFault[] = []
  readonly dropped: Record<SpoolLoss, number> = { 'spool-full': 0, damaged: 0 }
  readonly given: SpooledLines[] = []
  readonly kept: Array<{ lines: number, place: Position | undefined }> = []
  readonly adopted: Array<{ lines: number, slot: number }> = []
  mayAdopt = true
  entered = 0
  found = 0
  written = 0
  writable = 0
  readonly #clock: Clock
  #nextLine = 0

  constructor ({ fs, owners = new OwnerList(), isSlotted = false, random = () => 0.5, ...settings }: SpoolRigOptions, clock: Clock = systemClock) {
    this.#clock = clock
    const events: SlotEvents = {
      onEntered: () => { this.entered++ },
      onFound: lines => { this.found += lines },
      onOpened: recovered => this.opened.push(recovered),
      onHindered: hindrance => this.hindrances.push(hindrance),
      onWritten: lines => { this.written += lines },
      onKept: (lines, place) => { this.kept.push({ lines, place }) },
      onReturned: (lines, error) => this.returned.push({ texts: lines.flatMap(({ bytes }) => textsOf(bytes)), error }),
      onWritable: () => { this.writable++ },
      onLines: lines => this.given.push(lines),
      onDropped: (lines, reason) => { this.dropped[reason] += lines },
      onFault: fault => this.faults.push(fault),
      onAdopted: ({ lines }, slot) => { this.adopted.push({ lines, slot }) },
      mayAdopt: () => this.mayAdopt
    }
    const all = { folder: FOLDER, maxBytes: 1e9, segmentBytes: 1e6, syncMs: 1000, ...settings }
    const deps = { fs, owners, clock, random }
    this.spool = isSlotted ? new SlottedSpool(all, deps, events) : new Spool(all, deps, events)
  }

  lines (...texts: string[]): Lines {
    const lines = freshLines(Buffer.from(texts.map(text => `${text}\n`).join('')), texts.length, this.#nextLine)
    this.#nextLine += texts.length
    return lines
  }

  append (...texts: string[]): boolean {
    return this.spool.append(this.lines(...texts))
  }

  async open (): Promise<Recovered> {
    this.spool.start()
    await rest()
    const [recovered] = this.opened
    assert.ok(recovered !== undefined, 'it has opened')
    return recovered
  }

  /** Reads the texts of the next lines; empty if there are none. */
  async read (maxBytes = 1e6): Promise<string[]> {
    const had = this.given.length
    this.spool.read(maxBytes)
    await rest()
    return this.given.slice(had).flatMap(({ bytes }) => textsOf(bytes))
  }

  /** Reads the texts of all lines. */
  async readAll (maxBytes = 1e6): Promise<string[]> {
    const all: string[] = []
    for (let texts = await this.read(maxBytes); texts.length > 0; texts = await this.read(maxBytes)) all.push(...texts)
    return all
  }

  settleAll (): void {
    for (const lines of this.given.splice(0)) this.spool.settle(lines)
  }

  async close (): Promise<void> {
    await this.spool.close(this.#clock.now() + 10000)
  }
}

/** Runs everything that waits only for promises, however long their chain. */
export async function rest (): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}
