import type { Test } from 'tap'
import { segmentNameOf } from '#lib/spool/segment'
import { HandClock } from './hand-clock.js'
import { MemoryDisk } from './memory-disk.js'
import { FOLDER, rest, SpoolRig, type SpoolRigOptions } from './spool-rig.js'

/** Where a segment of the spool in tests is. */
export function pathOf (segment: number): string {
  return `${FOLDER}/${segmentNameOf(segment)}`
}

/** One life of a spool after the other on a disk in memory, with time standing still until the test is over. */
export class SpoolScene {
  readonly clock = new HandClock()
  readonly disk = new MemoryDisk()

  constructor (t: Test) {
    this.clock.take()
    t.teardown(() => this.clock.release())
  }

  /** A spool that is to be started. */
  readonly begin = (options: Partial<SpoolRigOptions> = {}): SpoolRig => new SpoolRig({ fs: this.disk, ...options }, this.clock)

  /** Lets time pass, and what follows from it happen. */
  readonly wait = async (ms: number): Promise<void> => {
    this.clock.advance(ms)
    await rest()
  }

  /** The names of its segments. */
  readonly segments = (): string[] => this.disk.paths.filter(path => path.endsWith('.ndjson')).map(path => path.slice(FOLDER.length + 1))

  readonly locks = (): string[] => this.disk.paths.filter(path => path.includes('lock'))

  readonly textOf = (segment: number): string => this.disk.contentOf(pathOf(segment)).toString()

  readonly cursor = (): string => this.disk.contentOf(`${FOLDER}/cursor.json`).toString()
}

/** A spool that is open, and all of its scene. */
export async function openSpool (t: Test, options: Partial<SpoolRigOptions> = {}): Promise<SpoolScene & { rig: SpoolRig }> {
  const scene = new SpoolScene(t)
  const rig = scene.begin(options)
  await rig.open()
  return Object.assign(scene, { rig })
}
