import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { secondNameOf } from '../dead-letters/dead-letter-file.js'
import type { DeadLetter } from '../dead-letters/dead-letter.js'
import { parseRecord } from '../line-head.js'
import { nodeFileSystem } from '../spool/node-file-system.js'
import { openTrustedFile } from '../trusted-files.js'
import type { KeptLine } from './send-lines.js'

const NEWLINE = 10
const CHUNK_BYTES = 256 * 1024
const { O_RDONLY } = constants
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT

/**
 * One file of a dead-letter file that is being replayed. It does not change: a journal beside it tells which of its lines
 * were delivered, so that a run that is killed sends little twice.
 */
export class Part {
  readonly #path: string
  readonly #journal: string
  /** The numbers of delivered lines. */
  readonly #delivered = new Set<number>()
  /** Runs of delivered lines that are not in the journal yet. */
  #unsaved: Array<{ from: number, to: number }> = []
  /** New facts about records that were refused again, by the numbers of their lines. */
  readonly #refused = new Map<number, Omit<DeadLetter, 'line'>>()
  /** Offset of the end of the last line that was read. */
  #end = 0

  constructor (path: string) {
    this.#path = path
    this.#journal = path.replace(/\.ndjson$/, '.delivered')
  }

  /** Opens a part with its journal, if there is one. */
  static async open (path: string): Promise<Part> {
    const part = new Part(path)
    const journal = await withFile(part.#journal, O_RDONLY, async file => await file.readFile('utf8')).catch(() => '')
    // A run without its newline was being written, and may lack digits.
    for (const [, from, to] of journal.matchAll(/^(\d+)-(\d+)\n/gm)) {
      for (let number = Number(from); number <= Number(to); number++) part.#delivered.add(number)
    }
    return part
  }

  /** The lines that were not delivered, in order. */
  async * lines (): AsyncGenerator<KeptLine> {
    for await (const { number, bytes } of this.#left()) {
      const { sink, line: text = '' } = parseLetter(bytes) ?? {}
      yield { sink, text, deliver: () => this.#deliver(number), refuse: ({ line, ...refusal }) => this.#refused.set(number, refusal), leave: () => {} }
    }
  }

  /** Notes which lines were delivered. Never rejects: a note that is lost costs duplicates. */
  async save (): Promise<void> {
    const runs = this.#unsaved.splice(0).map(({ from, to }) => `${from}-${to}\n`).join('')
    if (runs !== '') await withFile(this.#journal, APPEND, async file => await file.appendFile(runs)).catch(() => {})
  }

  /** Copies what was not delivered, byte by byte except for records that were refused again. @returns how many lines that is */
  async copyLeft (to: FileHandle): Promise<number> {
    const lines: Buffer[] = []
    let [count, size] = [0, 0]
    for await (const { number, bytes } of this.#left()) {
      lines.push(this.#present(number, bytes), Buffer.of(NEWLINE))
      count++
      size += bytes.length
      if (size < CHUNK_BYTES) continue
      await to.appendFile(Buffer.concat(lines.splice(0)))
      size = 0
    }
    await to.appendFile(Buffer.concat(lines))
    return count
  }

  /** Copies what was appended since {@link copyLeft}, by a process that had opened the file before it was moved. */
  async copyAdded (to: string): Promise<void> {
    const added = await withFile(this.#path, O_RDONLY, async file => {
      const length = Math.max(0, (await file.stat()).size - this.#end)
      return (await file.read(Buffer.alloc(length), 0, length, this.#end)).buffer
    })
    if (added.length > 0) await withFile(to, APPEND, async file => await file.appendFile(added))
  }

  async remove (): Promise<void> {
    // The journal first: without its file it would be taken for that of the next file of this name.
    await nodeFileSystem.remove(this.#journal).catch(() => {})
    await nodeFileSystem.remove(this.#path)
  }

  #deliver (number: number): void {
    this.#delivered.add(number)
    const last = this.#unsaved.at(-1)
    if (last?.to === number - 1) last.to = number
    else this.#unsaved.push({ from: number, to: number })
  }

  #present (number: number, bytes: Buffer): Buffer {
    const refusal = this.#refused.get(number)
    const letter = parseLetter(bytes)
    return refusal === undefined || letter === undefined ? bytes : Buffer.from(JSON.stringify({ ...refusal, ...letter, attempts: letter.attempts + refusal.attempts }))
  }

  /** The lines that were not delivered, without empty ones. */
  async * #left (): AsyncGenerator<{ number: number, bytes: Buffer }> {
    let number = 0
    for await (const { bytes, end } of linesIn(this.#path)) {
      if (bytes.length > 0 && !this.#delivered.has(number)) yield { number, bytes }
      this.#end = end
      number++
    }
  }
}

/** The lines of a file, without their newlines, and where each ends. What stands behind the last newline is a line, too. */
async function * linesIn (path: string): AsyncGenerator<{ bytes: Buffer, end: number }> {
  const file = await openPart(path, O_RDONLY)
  try {
    let rest: Buffer = Buffer.alloc(0)
    let position = 0
    for (;;) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, position)
      if (bytesRead === 0) break
      position += bytesRead
      rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
      for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
        const bytes = rest.subarray(0, end)
        rest = rest.subarray(end + 1)
        yield { bytes, end: position - rest.length }
      }
    }
    if (rest.length > 0) yield { bytes: rest, end: position }
  } finally {
    await file.close()
  }
}

/** Reads a record; `undefined` if these bytes are none: they were cut off, or another program wrote them. */
function parseLetter (bytes: Buffer): Pick<DeadLetter, 'sink' | 'attempts' | 'line'> | undefined {
  const { sink, attempts, line } = parseRecord(bytes.toString()) ?? {}
  // A line with a newline in it would be two.
  if (typeof sink !== 'string' || typeof line !== 'string' || line === '' || line.includes('\n')) return undefined
  return { sink, attempts: typeof attempts === 'number' && attempts > 0 ? attempts : 0, line }
}

/** Opens a file that nobody else can have put there. */
async function openPart (path: string, flags: number): Promise<FileHandle> {
  return await openTrustedFile(path, flags, { mode: 0o600, secondName: secondNameOf(path) })
}

/** Uses such a file, and closes it. */
export async function withFile<T> (path: string, flags: number, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await openPart(path, flags)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}
