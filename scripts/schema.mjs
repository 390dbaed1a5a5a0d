// Writes the schemas of the options as plain data: that of the transport as dist/schema.json, for editors and other
// tools, and each of them in place of its compiled module. An app then loads one module where the source has eight.
import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist')
const formats = ['esm', 'cjs']

const schemas = [
  { module: join('lib', 'options', 'schema'), name: 'fanoutSchema' },
  { module: join('lib', 'http', 'schema'), name: 'httpSchema' }
]
/** Modules that only make schemas. */
const makers = [join('lib', 'options', 'schema'), ...['.js', '.js.map', '.d.ts'].map(suffix => join('lib', 'options', `fields${suffix}`))]

export function writeSchemas () {
  const require = createRequire(import.meta.url)
  const made = schemas.map(({ module, name }) => ({ module, name, schema: require(join(dist, 'cjs', `${module}.js`))[name] }))
  const [{ schema: fanoutSchema }] = made
  const published = { $schema: 'http://json-schema.org/draft-07/schema#', ...publish(fanoutSchema) }
  writeFileSync(join(dist, 'schema.json'), JSON.stringify(published, null, 2) + '\n')

  for (const { module, name, schema } of made) {
    const data = JSON.stringify(schema, null, 2)
    writeFileSync(join(dist, 'esm', `${module}.js`), `export const ${name} = ${data}\n`)
    writeFileSync(join(dist, 'cjs', `${module}.js`), `'use strict'\nexports.${name} = ${data}\n`)
    for (const format of formats) rmSync(join(dist, format, `${module}.js.map`))
  }
  for (const format of formats) {
    for (const maker of makers) rmSync(join(dist, format, maker), { recursive: true })
  }
}

/** Leaves out the keywords of our own, and says in words what they say of a default. */
function publish (node) {
  if (Array.isArray(node)) return node.map(publish)
  if (typeof node !== 'object' || node === null) return node
  const published = Object.fromEntries(Object.entries(node).filter(([key]) => !key.startsWith('x-')).map(([key, value]) => [key, publish(value)]))
  if (typeof node['x-default'] === 'string') published.description += ` Default: ${node['x-default']}.`
  return published
}
