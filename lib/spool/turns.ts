/**
 * Lets one job at a time to the disk, in the order in which they came. A disk that hangs then keeps one thread of
 * libuv's pool busy, not all of them, and no two jobs ever meet in the same file.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Does a job once all that came before it have settled. */
  async take<T> (job: () => Promise<T>): Promise<T> {
    const done = this.#last.then(job)
    this.#last = done.catch(() => {})
    return await done
  }
}
