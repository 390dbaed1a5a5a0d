/**
 * Runs jobs that use the disk one after another, in the order in which they came. So a disk that hangs blocks only one
 * thread of libuv's pool, and two jobs never work on the same file at the same time.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs a job once all earlier jobs have settled. */
  async take<T> (job: () => Promise<T>): Promise<T> {
    const done = this.#last.then(job)
    this.#last = done.catch(() => {})
    return await done
  }
}
