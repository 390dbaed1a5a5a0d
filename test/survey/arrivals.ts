const MESSAGE = /^line (\d+)/

/** The message of the line with this number; each is another one, since some transports leave out what they have seen. */
export function messageOf (id: number): string {
  return `line ${id}`
}

/** Which lines have arrived, and how often. */
export class Arrivals {
  readonly times = new Map<number, number>()

  /** Counts a record by its message; what is none of the app's lines is passed over. */
  add (message: unknown): void {
    const id = typeof message === 'string' ? MESSAGE.exec(message)?.[1] : undefined
    if (id === undefined) return
    this.times.set(Number(id), (this.times.get(Number(id)) ?? 0) + 1)
  }
}
