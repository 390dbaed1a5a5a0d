// Puts the thread host and all that it imports into the string of one module. A bundle has no file for the thread of a sink, which
// then runs this.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rollup } from 'rollup'
import { minify } from 'terser'

/** What a worker that runs a string has as globals. A sink must not take its module for CommonJS by them. */
const GLOBALS = ['module', 'exports', 'require', '__filename', '__dirname']

/** The package real-require, which a string cannot load from where it is. */
const realRequire = {
  name: 'real-require',
  resolveId: id => id === 'real-require' ? '\0real-require' : null,
  load: id => id === '\0real-require' ? "export const realImport = new Function('path', 'return import(path)')\nexport const realRequire = path => require(path)" : null
}

/**
 * Writes the module `lib/child/host-source.js` among the compiled modules.
 *
 * @param compiled - Where the modules were compiled to
 */
export async function writeHostSource (compiled) {
  const build = await rollup({
    input: join(compiled, 'lib', 'child', 'thread-host.js'),
    plugins: [realRequire],
    external: id => !/^[./\0]/.test(id) && id !== 'real-require',
    onLog: failOnWarning
  })
  const { output: [{ code, imports }] } = await build.generate({ format: 'cjs', inlineDynamicImports: true })
  await build.close()
  const foreign = imports.filter(id => !id.startsWith('node:'))
  if (foreign.length > 0) throw new Error(`the thread host imports ${foreign.join(', ')}, which a bundle may not have`)
  const script = `(require => {\nfor (const name of ${JSON.stringify(GLOBALS)}) delete globalThis[name]\n${code}\n})(require)`
  // Names and lines stay, for stack traces.
  const { code: source } = await minify(script, { ecma: 2022, compress: false, mangle: false, format: { comments: false, beautify: true, indent_level: 1, ascii_only: true } })
  const module = `export const source = ${JSON.stringify(`${source}\n//# sourceURL=pino-breaker-fanout/thread-host.js\n`)}\n`
  writeFileSync(join(compiled, 'lib', 'child', 'host-source.js'), module)
}

function failOnWarning (level, { message }) {
  if (level === 'warn') throw new Error(message)
}
