import split2 from 'split2'

/** Records, by their numbers, which lines of `recordOf()` have arrived. */
export class Arrivals {
  /** The number of lines that have arrived, each counted once. */
  lines = 0
  repeated = 0
  #seen

  /** @param {number} most - All line numbers are lower than this. */
  constructor (most) {
    this.#seen = new Uint8Array(most)
  }

  /** Creates a stream that takes the text of arriving lines, in pieces of any size. */
  newInput () {
    return split2().on('data', line => this.#note(line))
  }

  #note (line) {
    const n = JSON.parse(line).req.id
    if (this.#seen[n] === 0) this.lines++
    else this.repeated++
    this.#seen[n] = 1
  }
}
