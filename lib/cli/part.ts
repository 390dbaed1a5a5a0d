import { constants } from 'node:fs'
import { unlink, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { DeadLetter } from '../lane/dead-letters.js'
import { secondNameOf } from '../dead-letter-file.js'
import { NodeFile } from '../spool/node-file-system.js'
import { openTrustedFile } from '../trusted-files.js'
import { parseDeadLetter, refusedAgain } from './dead-letter-records.js'
import { linesOf } from './lines.js'

/** What a refusal tells that is new. */
export type RefusedAgain = Pick<DeadLetter, 'time' | 'reason' | 'status' | 'attempts'>

/** A record of a dead-letter file, and its place in it. */
export interface PartRecord {
  readonly part: Part
  /** How many records are before it. */
  readonly place: number
  /** `undefined` if it is none. */
  readonly letter: DeadLetter | undefined
}

const WRITE_BYTES = 256 * 1024
const { O_RDONLY, O_WRONLY, O_APPEND, O_CREAT } = constants
const JOURNAL_LINE = /^(\d+)-(\d+)$/

/**
 * A dead-letter file that is being replayed, under a name of its own. It is not changed; which of its records have been
 * delivered is noted beside it, so that a run that is killed sends little twice.
 */
export class Part {
  readonly path: string
  readonly #journal: string
  readonly #delivered: Set<number>
  readonly #refused = new Map<number, RefusedAgain>()
  #unsaved: number[] = []

  private constructor (path: string, journal: string, delivered: Set<number>) {
    this.path = path
    this.#journal = journal
    this.#delivered = delivered
  }

  /** A file that stands where it always does, and of which nothing is noted. */
  static whole (path: string): Part {
    return new Part(path, journalOf(path), new Set())
  }

  /** Finds out what an earlier run has noted of it. */
  static async open (path: string): Promise<Part> {
    return new Part(path, journalOf(path), await readJournal(journalOf(path)))
  }

  /** The records that have not been delivered, in order; without lines that are empty. */
  async * records (): AsyncGenerator<PartRecord> {
    const file = new NodeFile(await openPart(this.path, O_RDONLY))
    try {
      let place = 0
      for await (const bytes of linesOf(file)) {
        if (bytes.length > 0 && !this.#delivered.has(place)) yield { part: this, place, letter: parseDeadLetter(bytes) }
        place++
      }
    } finally {
      await file.close()
    }
  }

  deliver (place: number): void {
    this.#delivered.add(place)
    this.#unsaved.push(place)
  }

  refuse (place: number, refusal: RefusedAgain): void {
    this.#refused.set(place, refusal)
  }

  /** Notes what has been delivered. Should that fail, or be lost, it costs duplicates. */
  async save (): Promise<void> {
    if (this.#unsaved.length === 0) return
    const text = runsOf(this.#unsaved.splice(0)).map(([from, to]) => `${from}-${to}\n`).join('')
    await append(this.#journal, text).catch(() => {})
  }

  /**
   * Copies the records that were not delivered, as they are but for what is new of a refusal.
   *
   * @returns how many these are, and where the file ended
   */
  async copyLeft (to: FileHandle): Promise<{ records: number, end: number }> {
    const from = new NodeFile(await openPart(this.path, O_RDONLY))
    try {
      let place = 0
      let records = 0
      let end = 0
      let waiting: Buffer[] = []
      let waitingBytes = 0
      for await (const bytes of linesOf(from)) {
        end += bytes.length + 1
        if (bytes.length > 0 && !this.#delivered.has(place)) {
          const record = this.#present(place, bytes)
          waitingBytes += record.length
          waiting.push(record)
          records++
        }
        place++
        if (waitingBytes < WRITE_BYTES) continue
        await to.appendFile(Buffer.concat(waiting))
        waiting = []
        waitingBytes = 0
      }
      await to.appendFile(Buffer.concat(waiting))
      // The last line may have no newline.
      return { records, end: Math.min(end, await from.size()) }
    } finally {
      await from.close()
    }
  }

  /** Copies what was added behind what {@link copyLeft} has copied, by somebody who had opened the file before it got its new name. */
  async copyAdded (end: number, to: string): Promise<void> {
    const from = await openPart(this.path, O_RDONLY)
    try {
      const { size } = await from.stat()
      if (size <= end) return
      const { buffer } = await from.read(Buffer.alloc(size - end), 0, size - end, end)
      await append(to, buffer)
    } finally {
      await from.close()
    }
  }

  async remove (): Promise<void> {
    // First the note: one without its file would be taken for that of the next file of this name.
    await unlink(this.#journal).catch(() => {})
    await unlink(this.path)
  }

  #present (place: number, bytes: Buffer): Buffer {
    const refusal = this.#refused.get(place)
    const letter = refusal && parseDeadLetter(bytes)
    return Buffer.concat([letter === undefined ? bytes : Buffer.from(JSON.stringify(refusedAgain(letter, refusal as RefusedAgain))), Buffer.from('\n')])
  }
}

function journalOf (path: string): string {
  return join(dirname(path), `${basename(path, '.ndjson')}.delivered`)
}

/** Opens a file that nobody else can have put there. */
async function openPart (path: string, flags: number): Promise<FileHandle> {
  return await openTrustedFile(path, flags, { mode: 0o600, secondName: secondNameOf(path) })
}

async function append (path: string, added: string | Uint8Array): Promise<void> {
  const file = await openPart(path, O_WRONLY | O_APPEND | O_CREAT)
  try {
    await file.appendFile(added)
  } finally {
    await file.close()
  }
}

async function read (path: string): Promise<string> {
  const file = await openPart(path, O_RDONLY)
  try {
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

async function readJournal (path: string): Promise<Set<number>> {
  const delivered = new Set<number>()
  const text = await read(path).catch(() => '')
  // What stands behind the last newline was being written: a number may lack digits.
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    const [, from, to] = JOURNAL_LINE.exec(line) ?? []
    for (let place = Number(from); place <= Number(to); place++) delivered.add(place)
  }
  return delivered
}

/** Numbers as runs that have no gaps. */
function runsOf (numbers: readonly number[]): Array<[from: number, to: number]> {
  const runs: Array<[number, number]> = []
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last?.[1] === number - 1) last[1] = number
    else runs.push([number, number])
  }
  return runs
}
