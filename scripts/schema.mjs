// Works out the schemas of the options once, at build time. That of the transport goes into the package twice: as
// dist/schema.json, for editors and other tools, and, as every other one, as plain data in place of the compiled module.
// TypeBox, which takes some 50 ms to load (200 modules), is then never loaded where an app starts.
import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist')

const schemas = [
  { module: join('lib', 'options', 'schema.js'), name: 'fanoutSchema', published: 'schema.json' },
  { module: join('lib', 'http', 'schema.js'), name: 'httpSchema' }
]
// What only the schemas are made with.
const makers = join('lib', 'options', 'fields.js')

/** Leaves out the keywords of our own, and says in words what they say of a default. */
function publish (node) {
  if (Array.isArray(node)) return node.map(publish)
  if (typeof node !== 'object' || node === null) return node
  const published = Object.fromEntries(Object.entries(node).filter(([key]) => !key.startsWith('x-')).map(([key, value]) => [key, publish(value)]))
  if (typeof node['x-default'] === 'string') published.description += ` Default: ${node['x-default']}.`
  return published
}

export function buildSchemas () {
  const require = createRequire(import.meta.url)
  const contents = schemas.map(({ module, name }) => require(join(dist, 'cjs', module))[name])
  for (const [index, { module, name, published }] of schemas.entries()) {
    const data = JSON.stringify(contents[index], null, 2)
    replace('esm', module, `export const ${name} = ${data}\n`)
    replace('cjs', module, `'use strict'\nexports.${name} = ${data}\n`)
    if (published === undefined) continue
    const whole = { $schema: 'http://json-schema.org/draft-07/schema#', ...publish(JSON.parse(data)) }
    writeFileSync(join(dist, published), JSON.stringify(whole, null, 2) + '\n')
  }
  for (const format of ['esm', 'cjs']) {
    for (const name of [makers, `${makers}.map`, makers.replace(/js$/, 'd.ts')]) rmSync(join(dist, format, name))
  }
}

function replace (format, module, source) {
  const file = join(dist, format, module)
  writeFileSync(file, source)
  rmSync(`${file}.map`)
}
