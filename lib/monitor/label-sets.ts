/** The labels of a value, by their names. */
export type MetricLabels = Readonly<Record<string, string>>

interface Branch {
  readonly next: Map<string, Branch>
  labels?: MetricLabels
}

/**
 * The sets of labels of one metric. The same values always give the same object, so that prom-client writes each set as text
 * once, and not in each scrape. They are kept for good: the sinks of a process are few.
 */
export class LabelSets {
  readonly #names: readonly string[]
  readonly #root: Branch = { next: new Map() }

  constructor (names: readonly string[]) {
    this.#names = names
  }

  /** @param values - One for each name, in their order */
  of (...values: string[]): MetricLabels {
    const branch = values.reduce(follow, this.#root)
    branch.labels ??= Object.freeze(Object.fromEntries(this.#names.map((name, i) => [name, values[i] as string])))
    return branch.labels
  }
}

function follow ({ next }: Branch, value: string): Branch {
  let branch = next.get(value)
  if (branch === undefined) {
    branch = { next: new Map() }
    next.set(value, branch)
  }
  return branch
}
