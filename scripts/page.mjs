// Puts the monitor's page together: page.html with page.css and the compiled script inside, as the string of one module.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rollup } from 'rollup'
import { minify } from 'terser'

/** What the page may weigh. It is part of the package, and each reader loads it once. */
const MAX_BYTES = 60_000

/**
 * Writes the module `lib/monitor/page/document.js` among the compiled modules.
 *
 * @param root - The folder of the project
 * @param compiled - Where its modules were compiled to
 */
export async function writePage (root, compiled) {
  const source = join(root, 'lib', 'monitor', 'page')
  const script = await bundleScript(join(compiled, 'lib', 'monitor', 'page', 'script', 'main.js'))
  const style = shrinkStyle(readFileSync(join(source, 'page.css'), 'utf8'))
  // In a string that replaces, a dollar sign would be special. A function's result is taken as it is.
  const html = shrinkMarkup(readFileSync(join(source, 'page.html'), 'utf8'))
    .replace('<link rel="stylesheet" href="page.css">', () => `<style>${style}</style>`)
    .replace('<script src="main.js"></script>', () => `<script>${script}</script>`)
  const bytes = Buffer.byteLength(html)
  if (bytes > MAX_BYTES) throw new Error(`the page has ${bytes} bytes, more than ${MAX_BYTES}`)
  const parts = { html, scriptHash: hashOf(script), styleHash: hashOf(style) }
  const module = Object.entries(parts).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)}\n`).join('')
  writeFileSync(join(compiled, 'lib', 'monitor', 'page', 'document.js'), module)
}

async function bundleScript (input) {
  const build = await rollup({ input, onLog: failOnWarning })
  const { output: [{ code }] } = await build.generate({ format: 'iife' })
  await build.close()
  const { code: script } = await minify(code, { ecma: 2022, toplevel: true, compress: { passes: 2 }, format: { inline_script: true, ascii_only: false } })
  if (/<\/script|<!--/i.test(script)) throw new Error('the script contains what would end it in HTML')
  return script
}

function shrinkStyle (style) {
  return style.replace(/\/\*.*?\*\//gs, '').replace(/\s+/g, ' ').replace(/ ?([{};,]) ?/g, '$1').replace(/: /g, ':').replaceAll(';}', '}').trim()
}

function shrinkMarkup (markup) {
  return markup.replace(/^\s+/gm, '').trim()
}

function hashOf (text) {
  return createHash('sha256').update(text).digest('base64')
}

function failOnWarning (level, { message }) {
  if (level === 'warn') throw new Error(message)
}
