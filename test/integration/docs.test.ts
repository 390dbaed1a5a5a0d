import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import t from 'tap'
import { runProcess } from '../support/run-process.js'

const EXAMPLE_LIMIT_MS = 60000

/** A fenced block that a comment before it marks as an example: to be run, or a file that the others need. */
interface Example {
  page: string
  /** The line of its page that it begins at. */
  line: number
  code: string
  /** The file's name; `undefined` if the example is to be run. */
  file: string | undefined
  /** What it must print. */
  prints: string | undefined
}

/** A diagnostic record that a page shows, and the file that an example of the page logs it to. */
interface ShownRecord {
  page: string
  /** The line of its page that it begins at. */
  line: number
  file: string
  record: { msg: string }
}

const root = process.cwd()
const pages = [
  ...readdirSync(root).filter(name => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)
]
const texts = new Map(pages.map(page => [page, readFileSync(join(root, page), 'utf8')]))

for (const page of pages) {
  const examples = examplesOf(page)
  if (examples.length === 0) continue
  t.test(`the examples of ${page} run`, async t => {
    // Inside of the package, so that they find it by its name.
    const folder = join(root, 'build', 'doc-examples', page.replace(/\W+/g, '-'))
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    for (const { file, code } of examples) if (file !== undefined) writeFileSync(join(folder, file), code)
    for (const { file, code: source, line, prints } of examples) {
      if (file !== undefined) continue
      const script = `line-${line}.${/^import /m.test(source) ? 'mjs' : 'cjs'}`
      writeFileSync(join(folder, script), source)
      const { code, stdout, stderr } = await runProcess(process.execPath, [script], { cwd: folder, limitMs: EXAMPLE_LIMIT_MS })
      t.equal(code, 0, `${page}:${line} exits with 0`, { stdout, stderr })
      t.notMatch(stderr, 'undelivered', `${page}:${line} tells of no lost line on stderr`)
      if (prints !== undefined) t.match(stdout, prints, `${page}:${line} prints what it says`)
    }
    for (const { file, line, record } of recordsOf(page)) {
      const logged = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').map(text => JSON.parse(text) as { msg: string })
      t.equal(lasting(logged.find(({ msg }) => msg === record.msg)), lasting(record), `${page}:${line} is the record in ${file}`)
    }
  })
}

for (const page of pages) {
  t.test(`every link of ${page} leads somewhere`, t => {
    for (const link of linksOf(texts.get(page) as string)) {
      const [path, anchor] = link.split('#') as [string, string | undefined]
      const target = path === '' ? join(root, page) : resolve(root, dirname(page), path)
      t.ok(existsSync(target), `${link} exists`)
      if (anchor !== undefined) t.ok(anchorsOf(relative(root, target)).has(anchor), `${link} has such a heading`)
    }
    t.end()
  })
}

t.test('docs/dependencies.md names every dependency, and no other package as one', t => {
  const { dependencies, devDependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
  const sections = (texts.get('docs/dependencies.md') as string).split(/^## /m)
  const namedIn = (title: string): string[] => {
    const rows = sections.find(section => section.startsWith(title))?.match(/^\| `.*?(?= \|)/gm) ?? []
    return rows.flatMap(row => [...row.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string)).sort()
  }
  t.same(namedIn('Runtime'), Object.keys(dependencies ?? {}).sort())
  t.same(namedIn('Peer'), Object.keys(peerDependencies ?? {}).sort())
  t.same(namedIn('Development'), Object.keys(devDependencies ?? {}).sort())
  t.end()
})

function examplesOf (page: string): Example[] {
  const text = texts.get(page) as string
  const marked = /^<!-- example: (?:run(?:; prints (?<prints>.+?))?|file (?<file>\S+)) -->\n```js\n(?<code>[\s\S]*?)^```$/gm
  return [...text.matchAll(marked)].map(match => {
    const { prints, file, code } = match.groups as Record<string, string | undefined>
    return { page, line: text.slice(0, match.index).split('\n').length, code: code as string, file, prints }
  })
}

function recordsOf (page: string): ShownRecord[] {
  const text = texts.get(page) as string
  const marked = /^<!-- example: record of (?<file>\S+) -->\n```json\n(?<json>.+)\n```$/gm
  return [...text.matchAll(marked)].map(match => {
    const { file, json } = match.groups as { file: string, json: string }
    return { page, line: text.slice(0, match.index).split('\n').length, file, record: JSON.parse(json) }
  })
}

/** A record as text, without what differs from run to run. */
function lasting (record: object | undefined): string {
  return JSON.stringify(record ?? {}, (key, value: unknown) => ['time', 'pid', 'hostname', 'stack'].includes(key) ? '…' : value)
}

/** The relative links of a page, but for what stands in code. */
function linksOf (text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link as string).filter(link => !/^[a-z]+:/.test(link))
}

/** The anchors that GitHub makes of a page's headings. */
function anchorsOf (page: string): Set<string> {
  const text = texts.get(page) ?? (existsSync(join(root, page)) ? readFileSync(join(root, page), 'utf8') : '')
  const anchors = new Set<string>()
  for (const [, heading] of text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#{1,6} (.+)$/gm)) {
    const anchor = (heading as string).toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/ /g, '-')
    let free = anchor
    for (let n = 1; anchors.has(free); n++) free = `${anchor}-${n}`
    anchors.add(free)
  }
  return anchors
}
