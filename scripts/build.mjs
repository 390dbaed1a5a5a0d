// Builds the package: tsc compiles the modules into build/package, which unit tests import, and Rollup puts them together into
// the few files of dist, which is published: as ES modules and as CommonJS, each with its declarations.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import { writeHostSource } from './host-source.mjs'
import { writePage } from './page.mjs'
import { withoutTexts, writeSchemas } from './schema.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const compiled = join(root, 'build', 'package')
const dist = join(root, 'dist')

const library = { index: 'index', http: 'lib/http', nats: 'lib/nats', monitor: 'lib/monitor', 'thread-host': 'lib/child/thread-host', 'process-host': 'lib/child/process-host' }
/** Only as CommonJS: Node.js 20 loads that in half the time, and what is loaded late is not loaded at all. */
const command = { cli: 'lib/cli/bin' }
const typed = { index: 'index', http: 'lib/http', nats: 'lib/nats', monitor: 'lib/monitor' }

/** Lets the maps of the bundles lead to lib/ in place of the compiled modules. Coverage is read by them. They are not published. */
const ownMaps = {
  name: 'own-maps',
  load (id) {
    if (!existsSync(`${id}.map`)) return null
    return { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') }
  }
}

/** Modules that several of our own sinks and the check of their options use. Rollup would make four files of them. */
const OF_SINKS = /\/lib\/(?:pinos-target|http\/(?:tls|secrets|send-report|batch-part|redactor|decoded)|nats\/(?:options|schema|defaults|subject|credentials))\.js$/

/** The variable of each module that is loaded late, as Rollup names it. */
const LATE = [
  ['pino', 'pino'],
  ['node_child_process', 'node:child_process'],
  ['node_https', 'node:https'],
  ['node_crypto', 'node:crypto'],
  ['node_net', 'node:net'],
  ['node_v8', 'node:v8'],
  ['promises', 'node:fs/promises']
]

/**
 * Loads modules with their first use that take long to load: pino as long as everything else together, for the first diagnostic
 * record, node:https half as long, and those that only files on a disk need. Pino loads the CommonJS build in a thread of its own. An app that uses the ES modules has
 * loaded pino anyway.
 */
const lateModules = {
  name: 'late-modules',
  renderChunk (code) {
    return { code: LATE.reduce((code, [variable, module]) => code.replace(`var ${variable} = require('${module}');`, () => late(variable, module, code)), code), map: null }
  }
}

/**
 * `import.meta.url` in CommonJS. Rollup's own form of it has a `require()` that bundlers cannot follow, and fails where they leave no
 * `__filename`.
 */
const ownUrl = {
  name: 'own-url',
  resolveImportMeta: property => property === 'url' ? "(typeof __filename === 'string' ? require('node:url').pathToFileURL(__filename).href : undefined)" : null
}

/** In CommonJS, a module that is named is loaded late by `require()`. For an `import()`, webpack would make files of their own. */
const lateRequires = {
  name: 'late-requires',
  renderChunk: code => ({ code: code.replace(/\bawait import\(('[^']+')\)/g, 'require($1)'), map: null })
}

/** Keeps all exports of an entry: pino-webpack-plugin makes a file of it, and webpack leaves out exports that nobody uses in that file. */
const wholeExports = {
  name: 'whole-exports',
  renderChunk: (code, { isEntry, exports }) => isEntry && exports.length > 0 ? { code: `${code}\nmodule.exports = exports;\n`, map: null } : null
}

/** Both builds use one file with the thread host's source, which is a string. Only bundles load it, so it must not hold anything else. */
const sourceIn = path => ({
  name: 'source-in',
  resolveId: (id, importer) => importer !== undefined && id.endsWith('/host-source.js') ? { id: path, external: true } : null
})

/** V8 takes twice the memory for a file that is not ASCII, and more time to read it. */
const ascii = {
  name: 'ascii',
  renderChunk (code) {
    return { code: code.replace(/[^\0-\x7F]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`), map: null }
  }
}

/** An object in place of a module. It has whatever the chunk names of it. */
function late (variable, module, code) {
  const names = [...new Set([...code.matchAll(new RegExp(`\\b${variable}\\.(\\w+)`, 'g'))].map(([, name]) => name))]
  return `var ${variable} = { ${names.map(name => `get ${name} () { return require('${module}').${name}; }`).join(', ')} };`
}

for (const folder of [compiled, dist]) rmSync(folder, { recursive: true, force: true })
// The page's script comes first: it is compiled for a browser, and what it takes from the library is compiled again after it.
compile(join('lib', 'monitor', 'page'))
compile('tsconfig.build.json')
await writePage(root, compiled)
await writeSchemas(compiled, dist)
await writeHostSource(compiled)
await bundle({ modules: library, to: 'esm', suffix: '.js', format: 'es', plugins: [ownMaps, withoutTexts, sourceIn('../cjs/host-source.cjs')] })
await bundle({ modules: { ...library, ...command }, to: 'cjs', suffix: '.cjs', format: 'cjs', plugins: [ownMaps, withoutTexts, sourceIn('./host-source.cjs'), ownUrl, lateModules, lateRequires, wholeExports, ascii] })
await bundle({ modules: { 'host-source': 'lib/child/host-source' }, to: 'cjs', suffix: '.cjs', format: 'cjs', plugins: [ownMaps, wholeExports, ascii] })
await bundle({ modules: typed, from: '.d.ts', to: 'esm', suffix: '.d.ts', format: 'es', plugins: [dts()] })
await bundle({ modules: typed, from: '.d.ts', to: 'cjs', suffix: '.d.cts', format: 'es', plugins: [dts()] })
chmodSync(join(dist, 'cjs', 'cli.cjs'), 0o755)

function compile (project) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}

/** Bundles modules, with what several of them use in files of its own. Code keeps its names and comments, for stack traces. */
async function bundle ({ modules, from = '.js', to, suffix, format, plugins }) {
  const input = Object.fromEntries(Object.entries(modules).map(([name, module]) => [name, join(compiled, module + from)]))
  const build = await rollup({ input, plugins, external: id => !/^[./]/.test(id), onLog: failOnWarning })
  await build.write({
    dir: join(dist, to),
    format,
    exports: 'named',
    entryFileNames: `[name]${suffix}`,
    chunkFileNames: chunk => nameOf(chunk, modules) + suffix,
    onlyExplicitManualChunks: true,
    manualChunks: id => OF_SINKS.test(id) ? 'sinks' : undefined,
    // To load one more file takes longer than to load some code that is not needed.
    experimentalMinChunkSize: 12000,
    hoistTransitiveImports: false,
    sourcemap: from === '.js' ? 'hidden' : false
  })
  await build.close()
}

/** Rollup names a file of common modules after one of them, which may have the name of an entry. */
function nameOf ({ name, moduleIds }, entries) {
  if (moduleIds.includes(join(compiled, 'lib', 'errors.js'))) return 'common'
  const own = name.replace(/\.d$/, '')
  return own in entries ? `${own}-parts` : own
}

function failOnWarning (level, { message }) {
  if (level === 'warn') throw new Error(message)
}
