/** A metric as a scraper reads it. */
export interface ScrapedFamily {
  help: string
  type: string
  samples: ScrapedSample[]
}

/** One line with a value. */
export interface ScrapedSample {
  name: string
  labels: Record<string, string>
  value: number
}

/**
 * Reads Prometheus' text format 0.0.4, or OpenMetrics, by the letter.
 *
 * @throws Error for a line that neither has
 */
export function parseExposition (text: string): Map<string, ScrapedFamily> {
  const families = new Map<string, ScrapedFamily>()
  let family: ScrapedFamily | undefined
  let name = ''
  for (const line of text.split('\n')) {
    if (line === '' || line === '# EOF') continue
    const [, keyword, described, rest] = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/s.exec(line) ?? []
    if (keyword === 'HELP') {
      name = described as string
      if (families.has(name)) throw new Error(`${name} is there twice`)
      family = { help: unescape(rest as string), type: '', samples: [] }
      families.set(name, family)
    } else if (keyword === 'TYPE' && family !== undefined && described === name) {
      family.type = rest as string
    } else {
      const sample = parseSample(line)
      if (family === undefined || !sample.name.startsWith(name)) throw new Error(`not where it belongs: ${line}`)
      family.samples.push(sample)
    }
  }
  return families
}

/** The value of the only sample with this name and these labels; `undefined` if there is none. */
export function valueIn (families: Map<string, ScrapedFamily>, name: string, labels: Record<string, string> = {}): number | undefined {
  const found = [...families.values()].flatMap(({ samples }) => samples).filter(sample => sample.name === name && isSame(sample.labels, labels))
  if (found.length > 1) throw new Error(`${name} ${JSON.stringify(labels)} is there ${found.length} times`)
  return found[0]?.value
}

function isSame (one: Record<string, string>, other: Record<string, string>): boolean {
  return Object.keys(one).length === Object.keys(other).length && Object.entries(one).every(([name, value]) => Object.hasOwn(other, name) && other[name] === value)
}

function parseSample (line: string): ScrapedSample {
  const [whole, name] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)/.exec(line) ?? []
  if (whole === undefined) throw new Error(`no sample: ${line}`)
  const labels: Record<string, string> = {}
  let rest = line.slice(whole.length)
  if (rest.startsWith('{')) {
    rest = rest.slice(1)
    while (!rest.startsWith('}')) {
      const [label, key, value] = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)",?/s.exec(rest) ?? []
      if (label === undefined) throw new Error(`no label: ${line}`)
      labels[key as string] = unescape(value as string)
      rest = rest.slice(label.length)
    }
    rest = rest.slice(1)
  }
  if (!/^ (?:[+-]Inf|NaN|[-+0-9.e]+)$/.test(rest)) throw new Error(`no value: ${line}`)
  const number = rest.slice(1)
  return { name: name as string, labels, value: number === '+Inf' ? Infinity : number === '-Inf' ? -Infinity : Number(number) }
}

function unescape (text: string): string {
  return text.replace(/\\([\\"n])/g, (_, escaped: string) => escaped === 'n' ? '\n' : escaped)
}
