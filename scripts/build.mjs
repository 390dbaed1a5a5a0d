// Builds the package: one source, two tsc passes (ES modules and CommonJS), and the published schema.
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeSchemas } from './schema.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')

rmSync(join(root, 'dist'), { recursive: true, force: true })
// Each format has a package scope of its own for its module type, and its own way to find the thread host.
const formats = {
  esm: { type: 'module', hostPath: 'lib/child/host-path.mjs' },
  cjs: { type: 'commonjs', hostPath: 'lib/child/host-path.cjs' }
}

for (const [format, { type, hostPath }] of Object.entries(formats)) {
  const { status } = spawnSync(process.execPath, [tsc, '-p', `tsconfig.${format}.json`], { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
  const dist = join(root, 'dist', format)
  linkHost(dist, join(dist, hostPath))
  writeFileSync(join(dist, 'package.json'), JSON.stringify({ type }) + '\n')
}

chmodSync(join(root, 'dist', 'esm', 'lib', 'cli', 'bin.js'), 0o755)

/** `#host` is a name for the compiler only: Node knows it from a nested package.json too, but not every bundler does. */
function linkHost (dist, hostPath) {
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.js')) continue
    const file = join(entry.parentPath, entry.name)
    const code = readFileSync(file, 'utf8')
    const specifier = `./${relative(entry.parentPath, hostPath).replaceAll('\\', '/')}`
    const linked = code.replace(/(['"])#host\1/g, quote => quote.replace('#host', specifier))
    if (linked !== code) writeFileSync(file, linked)
  }
}

writeSchemas()
