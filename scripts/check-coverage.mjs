// Shows how much of lib/ a test run covered, and fails below a limit. It reads V8's counts of every process and every thread
// (NODE_V8_COVERAGE), including terminated threads. Code counts as covered if it ran in any build: as modules, or in a bundle. Only lines
// with code count. A branch is a block or a function, as V8 counts them.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { decode } from '@jridgewell/sourcemap-codec'

const MIN_PERCENT = 95

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const counts = join(root, 'build', 'coverage')
if (!existsSync(counts)) {
  console.error('no counts in build/coverage: run npm test first')
  process.exit(1)
}

/** For each source, whether the code at each position, `line:column`, ran. */
const sources = new Map()
const scripts = new Map(['build/package/lib', 'dist'].flatMap(folder => readScripts(join(root, folder))).map(script => [script.url, script]))
for (const name of readdirSync(counts)) {
  for (const { url, functions } of readCounts(join(counts, name))) {
    const script = scripts.get(url)
    if (script !== undefined) apply(script, functions)
  }
}
report()

function readScripts (folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.name.endsWith('js') && existsSync(`${join(entry.parentPath, entry.name)}.map`))
    .map(entry => readScript(join(entry.parentPath, entry.name)))
}

/** Reads a script and its segments, which map offsets in the script to positions in the source. */
function readScript (file) {
  const map = JSON.parse(readFileSync(`${file}.map`, 'utf8'))
  const found = map.sources.map(path => sourceAt(relative(root, resolve(dirname(file), path))))

  const segments = []
  let lineStart = 0
  const code = readFileSync(file, 'utf8').split('\n')
  for (const [i, line] of decode(map.mappings).entries()) {
    for (const [column, index, sourceLine, sourceColumn] of line) {
      const source = found[index]
      // A bundle has segments of its own, which come from no source.
      if (source === undefined) continue
      const place = `${sourceLine + 1}:${sourceColumn}`
      segments.push({ offset: lineStart + column, source, place })
      if (!source.places.has(place)) source.places.set(place, false)
    }
    lineStart += code[i].length + 1
  }
  return { url: pathToFileURL(file).href, segments }
}

function sourceAt (path) {
  if (!sources.has(path)) sources.set(path, { places: new Map(), branches: new Set() })
  return sources.get(path)
}

function readCounts (file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).result
  } catch {
    // The process was killed while it wrote the file.
    return []
  }
}

/** Applies V8's counts: a segment has the count of the innermost range around it. */
function apply ({ segments }, functions) {
  const ranges = functions.flatMap(({ ranges, isBlockCoverage }) => ranges.map(range => ({ ...range, isBranch: isBlockCoverage })))
    .sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset)
  const open = []
  let next = 0
  for (const { offset, source, place } of segments) {
    while (ranges[next]?.startOffset <= offset) {
      const range = ranges[next++]
      while (open.at(-1)?.endOffset <= range.startOffset) open.pop()
      open.push(range)
      // A branch that begins between two segments is placed at the second one.
      if (range.isBranch && range.endOffset > offset) source.branches.add(place)
    }
    while (open.at(-1)?.endOffset <= offset) open.pop()
    if (open.at(-1)?.count > 0) source.places.set(place, true)
  }
}

function report () {
  const files = [...sources].sort(([a], [b]) => a.localeCompare(b)).map(([path, { places, branches }]) => {
    const lines = new Map()
    for (const [place, ran] of places) {
      const line = Number.parseInt(place)
      lines.set(line, ran || lines.get(line) === true)
    }
    return {
      path,
      lines: lines.size,
      coveredLines: [...lines.values()].filter(Boolean).length,
      branches: branches.size,
      coveredBranches: [...branches].filter(place => places.get(place)).length,
      missing: [...new Set([
        ...[...lines].filter(([, ran]) => !ran).map(([line]) => line),
        ...[...branches].filter(place => !places.get(place)).map(place => Number.parseInt(place))
      ])].sort((a, b) => a - b)
    }
  })
  const sum = key => files.reduce((total, file) => total + file[key], 0)
  const all = { path: 'lib', missing: [], ...Object.fromEntries(['lines', 'coveredLines', 'branches', 'coveredBranches'].map(key => [key, sum(key)])) }

  const width = Math.max(...files.map(({ path }) => path.length))
  console.log(`${''.padEnd(width)}   lines  branches  not covered`)
  for (const file of [...files, all]) {
    const numbers = `${percent(file.coveredLines, file.lines).padStart(6)}%  ${percent(file.coveredBranches, file.branches).padStart(7)}%`
    console.log(`${file.path.padEnd(width)} ${numbers}  ${joinLines(file.missing)}`.trimEnd())
  }

  for (const [what, covered, total] of [['lines', all.coveredLines, all.lines], ['branches', all.coveredBranches, all.branches]]) {
    if (covered * 100 >= MIN_PERCENT * total) continue
    console.error(`${percent(covered, total)}% of the ${what} of lib/ are covered, less than ${MIN_PERCENT}%`)
    process.exitCode = 1
  }
}

/** A percentage, rounded down so that it never looks better than it is. */
function percent (part, whole) {
  return whole === 0 ? '100.0' : (Math.floor(part / whole * 1000) / 10).toFixed(1)
}

function joinLines (numbers) {
  const runs = []
  for (const number of numbers) {
    const last = runs.at(-1)
    if (last?.to === number - 1) last.to = number
    else runs.push({ from: number, to: number })
  }
  return runs.map(({ from, to }) => from === to ? `${from}` : `${from}-${to}`).join(' ')
}
