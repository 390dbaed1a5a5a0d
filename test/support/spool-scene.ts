import type { Test } from 'tap'
import { segmentNameOf } from '#lib/spool/segment'
import { HandClock } from './hand-clock.js'
import { MemoryDisk } from './memory-disk.js'
import { FOLDER, rest, SpoolRig, type SpoolRigOptions } from './spool-rig.js'

/** The path of a segment in the spool of a test. */
export function pathOf (segment: number): string {
  return `${FOLDER}/${segmentNameOf(segment)}`
}

/** Runs one spool after another on a disk in memory, with a clock that is moved by hand. */
export class SpoolScene {
  readonly clock = new HandClock()
  readonly disk = new MemoryDisk()

  constructor (t: Test) {
    this.clock.take()
    t.teardown(() => this.clock.release())
  }

  /** Creates a spool, which is not started yet. */
  readonly begin = (options: Partial<SpoolRigOptions> = {}): SpoolRig => new SpoolRig({ fs: this.disk, ...options }, this.clock)

  /** Advances the clock, and runs everything that follows from that. */
  readonly wait = async (ms: number): Promise<void> => {
    this.clock.advance(ms)
    await rest()
  }

  /** The names of the segments. */
  readonly segments = (): string[] => this.disk.paths.filter(path => path.endsWith('.ndjson')).map(path => path.slice(FOLDER.length + 1))

  readonly locks = (): string[] => this.disk.paths.filter(path => path.includes('lock'))

  readonly textOf = (segment: number): string => this.disk.contentOf(pathOf(segment)).toString()

  readonly cursor = (): string => this.disk.contentOf(`${FOLDER}/cursor.json`).toString()
}

/** An open spool, and its scene. */
export async function openSpool (t: Test, options: Partial<SpoolRigOptions> = {}): Promise<SpoolScene & { rig: SpoolRig }> {
  const scene = new SpoolScene(t)
  const rig = scene.begin(options)
  await rig.open()
  return Object.assign(scene, { rig })
}
