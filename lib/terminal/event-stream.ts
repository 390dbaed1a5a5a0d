import { StringDecoder } from 'node:string_decoder'

/** One event of a stream of server-sent events. */
export interface ServerEvent {
  /** `'message'` for an event without a name. */
  readonly name: string
  readonly data: string
}

const BOM = '\uFEFF'

/**
 * Reads a stream of server-sent events (the HTML standard, "Interpreting an event stream"): lines may end in CR, LF or both, and chunks
 * may end anywhere. `id` and `retry` are not used here.
 */
export class EventStreamParser {
  readonly #decoder = new StringDecoder('utf8')
  readonly #maxLength: number
  #rest = ''
  #isFirst = true
  #name = ''
  #data: string[] = []
  #length = 0

  /**
   * @param maxLength - The longest event, in characters. The history of many sinks has some hundred kilobytes
   * @default 16 Mi characters
   */
  constructor (maxLength = 16 * 1024 * 1024) {
    this.#maxLength = maxLength
  }

  /**
   * Takes a chunk.
   *
   * @returns the events that are complete with it
   * @throws RangeError for an event that is too long
   */
  read (chunk: Uint8Array): ServerEvent[] {
    let text = this.#rest + this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    if (this.#isFirst && text !== '') {
      this.#isFirst = false
      if (text.startsWith(BOM)) text = text.slice(BOM.length)
    }
    const events: ServerEvent[] = []
    const ends = /\r\n|\n|\r/g
    let from = 0
    // The rest has been looked through, except for a CR at its end.
    ends.lastIndex = Math.max(0, this.#rest.length - 1)
    for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
      // The other half of a line end may be in the next chunk.
      if (end[0] === '\r' && ends.lastIndex === text.length) break
      const event = this.#readLine(text.slice(from, end.index))
      if (event !== undefined) events.push(event)
      from = ends.lastIndex
    }
    this.#rest = text.slice(from)
    if (this.#length + this.#rest.length > this.#maxLength) throw new RangeError(`expected events of at most ${this.#maxLength} characters`)
    return events
  }

  #readLine (line: string): ServerEvent | undefined {
    if (line === '') return this.#finish()
    const [, field, value = ''] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? []
    if (field === 'event') this.#name = value
    if (field === 'data') {
      this.#data.push(value)
      this.#length += value.length + 1
    }
    return undefined
  }

  #finish (): ServerEvent | undefined {
    const [name, data] = [this.#name, this.#data]
    this.#name = ''
    this.#data = []
    this.#length = 0
    return data.length === 0 ? undefined : { name: name === '' ? 'message' : name, data: data.join('\n') }
  }
}
