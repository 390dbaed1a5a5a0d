// Compiles the schemas of the options by themselves, and loads them. It needs no build, so it also works while the types
// that are made from the schemas are stale and the code does not compile with them.
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

const outDir = join(root, 'build', 'schemas')
const modules = ['options/schema', 'options/schema/breaker', 'options/schema/policy', 'options/schema-node', 'options/validation', 'options/env', 'http/schema', 'nats/schema']

/** The exports of all modules that describe options, as one object. */
export function loadSchemas () {
  mkdirSync(outDir, { recursive: true })
  writeFileSync(join(outDir, 'package.json'), '{"type":"commonjs"}\n')
  const program = ts.createProgram(modules.map(name => join(root, 'lib', `${name}.ts`)), {
    outDir,
    rootDir: join(root, 'lib'),
    module: ts.ModuleKind.CommonJS,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2022,
    noCheck: true,
    noLib: true,
    types: []
  })
  program.emit()
  const require = createRequire(import.meta.url)
  return Object.assign({}, ...modules.map(name => require(join(outDir, `${name}.js`))))
}
