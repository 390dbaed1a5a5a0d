import split2 from 'split2'

/** Tells which lines of `recordOf()` have arrived, by their numbers. */
export class Arrivals {
  /** Lines that have arrived, each counted once. */
  lines = 0
  repeated = 0
  #seen

  /** @param {number} most - No line has a number as high as this. */
  constructor (most) {
    this.#seen = new Uint8Array(most)
  }

  /** A stream for their text, in pieces of any size. */
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
