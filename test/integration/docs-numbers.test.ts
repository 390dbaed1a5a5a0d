import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isRefusalStatus } from '#lib/failure'
import { SourceConstants } from '../support/source-constants.js'

/** A node of the published schema. */
interface SchemaNode {
  default?: unknown
  maximum?: number
  properties?: Record<string, SchemaNode>
  items?: SchemaNode
  anyOf?: SchemaNode[]
}

/** A number that a page says to be in the code: `20 ms<!-- TICK_MS -->`. */
interface MarkedNumber {
  page: string
  line: number
  text: string
  marker: string
}

const root = process.cwd()
const pages = [
  ...readdirSync(root).filter(name => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)
]
const constants = new SourceConstants(join(root, 'lib'))
const schema = JSON.parse(readFileSync(join(root, 'dist', 'schema.json'), 'utf8')) as SchemaNode

const words: Readonly<Record<string, number>> = { half: 1 / 2, tenth: 1 / 10, one: 1, two: 2, three: 3, third: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8, nine: 9, ten: 10 }
const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, bytes: 1, 'Ki characters': 1024, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, MB: 1 }
const quantity = new RegExp(`(?<number>\\b\\d[\\d,]*(?:\\.\\d+)?|\\b(?:${Object.keys(words).join('|')})\\b)(?: (?<unit>${Object.keys(units).join('|')})$|(?: [A-Za-z]+){0,2}$)`)
const everySecond = /(?:each|every) second$/

for (const page of pages) {
  const numbers = numbersOf(page)
  if (numbers.length === 0) continue
  t.test(`the numbers of ${page} are those of the code`, t => {
    for (const { line, text, marker } of numbers) t.equal(quantityIn(text), expected(marker), `${page}:${line} says ${text.slice(-20)} (${marker})`)
    t.end()
  })
}

t.test('the pages that have most numbers mark them', t => {
  for (const page of ['architecture', 'http', 'operations', 'sinks', 'spool']) t.ok(numbersOf(`docs/${page}.md`).length >= 5, page)
  t.end()
})

t.test('the tables of options in README.md have the defaults of the schema', t => {
  const [, table] = /^\| option \| default \|.*\n\|[-|]+\n((?:\|.*\n)+)/m.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? []
  const rows = (table ?? '').trimEnd().split('\n').map(row => row.split(' | '))
  t.ok(rows.length >= 5)
  for (const [option, shown] of rows as Array<[string, string]>) {
    const path = option.replace(/[| `]/g, '')
    const byDefault = optionAt(path).default
    if (typeof byDefault === 'number') t.equal(quantityIn(/^[^,;]*/.exec(shown.replaceAll('`', ''))?.[0] ?? ''), byDefault, `${path}: ${shown}`)
    else if (byDefault !== undefined) t.equal(/`'([^']*)'`/.exec(shown)?.[1], byDefault, `${path}: ${shown}`)
  }
  t.end()
})

t.test('docs/sinks.md names exactly the statuses that are not about the lines', t => {
  const section = readFileSync(join(root, 'docs', 'sinks.md'), 'utf8').split('#### Which status is about the lines')[1] ?? ''
  const rows = section.split('\n').filter(row => /^\| 4\d\d/.test(row)).map(row => row.split(' | ')[0]?.match(/\b4\d\d\b/g) ?? [])
  const [aboutLines = [], ...others] = rows
  const statuses = Array.from({ length: 100 }, (_, i) => 400 + i)
  t.same(others.flat().map(Number).sort(), statuses.filter(status => !isRefusalStatus(status)))
  t.ok(aboutLines.length > 0 && aboutLines.every(status => isRefusalStatus(Number(status))))
  t.end()
})

/** The numbers of a page that have a marker, but for what stands in code. */
function numbersOf (page: string): MarkedNumber[] {
  const text = readFileSync(join(root, page), 'utf8').replace(/^```[\s\S]*?^```$/gm, block => block.replace(/[^\n]/g, ''))
  const marker = /<!-- ([\w. /*+-]+?) -->| \(`([A-Z][A-Z0-9]*_[A-Z0-9_]+(?: of [\w/-]+)?)`\)/
  return text.split('\n').flatMap((row, i) => {
    // A code span may show how a marker is written.
    const shown = row.replace(/``.*?``|`[^`]*`/g, span => span.includes('<!--') || span.startsWith('``') ? '' : span)
    const parts = shown.split(new RegExp(marker, 'g'))
    const found: MarkedNumber[] = []
    for (let at = 0; at + 3 < parts.length; at += 3) {
      const name = parts[at + 1] ?? parts[at + 2]
      if (name !== undefined && isOfNumber(name)) found.push({ page, line: i + 1, text: parts[at] as string, marker: name })
    }
    return found
  })
}

/** Whether a comment is a marker, and no other comment such as `<!-- measured: begin -->`. */
function isOfNumber (name: string): boolean {
  return /^(?:option|maximum) /.test(name) || /[A-Z]{2}/.test(name)
}

function expected (marker: string): number {
  const [kind, path] = marker.split(' ') as [string, string]
  if (kind === 'option') return optionAt(path).default as number
  if (kind === 'maximum') return optionAt(path).maximum as number
  const [calculation, file] = marker.split(' of ') as [string, string | undefined]
  return constants.valueOf(calculation, file)
}

/** The number that a text ends with, in ms or bytes if it has a unit; a word or two may follow: `four failed probes`. */
function quantityIn (text: string): number {
  if (everySecond.test(text)) return 1000
  const { number = '', unit } = quantity.exec(text)?.groups ?? {}
  return (words[number] ?? Number(number.replaceAll(',', '') || NaN)) * (unit === undefined ? 1 : units[unit] as number)
}

/** The description of an option: of the transport, or else of a target. */
function optionAt (path: string): SchemaNode {
  const found = path.split('.').reduce<SchemaNode | undefined>((node, key) => propertiesOf(node)?.[key], schema)
  if (found === undefined) throw new Error(`there is no option ${path}`)
  return found
}

function propertiesOf (node: SchemaNode | undefined): Record<string, SchemaNode> | undefined {
  return node?.properties ?? node?.anyOf?.find(({ properties }) => properties !== undefined)?.properties
}
