// Evaluates the schemas of the options at build time. Writes that of the transport to dist/schema.json, for editors and other
// tools, and puts each of them as plain data in place of its compiled module: an app loads no code that only makes a schema.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Keywords that only documents and types are made from. */
const TEXTS = new Set(['title', 'description', 'oneOf', 'x-default', 'x-extends', 'x-type'])

const schemas = [
  { module: 'lib/options/schema.js', name: 'fanoutSchema' },
  { module: 'lib/http/schema.js', name: 'httpSchema' },
  { module: 'lib/nats/schema.js', name: 'natsSchema' }
]

/**
 * @param {string} compiled - The folder of the compiled modules
 * @param {string} dist - The folder that is published
 */
export async function writeSchemas (compiled, dist) {
  const made = await Promise.all(schemas.map(async ({ module, name }) => {
    const path = join(compiled, module)
    const { [name]: schema } = await import(pathToFileURL(path).href)
    return { path, name, schema }
  }))
  mkdirSync(dist)
  const published = { $schema: 'http://json-schema.org/draft-07/schema#', ...publish(made[0].schema) }
  writeFileSync(join(dist, 'schema.json'), JSON.stringify(published, null, 2) + '\n')
  for (const { path, name, schema } of made) {
    writeFileSync(path, `export const ${name} = ${JSON.stringify(schema, null, 2)}\n`)
    rmSync(`${path}.map`)
  }
}

/** Leaves the texts of the schemas out of what an app loads: they are two thirds of them, and no check needs them. */
export const withoutTexts = {
  name: 'without-texts',
  transform (code, id) {
    if (!schemas.some(({ module }) => id.endsWith(module))) return null
    const [, name, schema] = /^export const (\w+) = (.*)$/s.exec(code)
    return { code: `export const ${name} = ${JSON.stringify(bare(JSON.parse(schema)), null, 1)}\n`, map: { mappings: '' } }
  }
}

function bare (node) {
  const parts = Object.entries(node).filter(([key]) => !TEXTS.has(key)).map(([key, value]) => {
    if (key === 'properties') return [key, Object.fromEntries(Object.entries(value).map(([name, property]) => [name, bare(property)]))]
    if (key === 'items' || key === 'additionalProperties') return [key, value && bare(value)]
    return [key, key === 'anyOf' ? value.map(bare) : value]
  })
  return Object.fromEntries(parts)
}

/** Leaves out the keywords of our own, and says in words what they say of a default. */
function publish (node) {
  if (Array.isArray(node)) return node.map(publish)
  if (typeof node !== 'object' || node === null) return node
  const published = Object.fromEntries(Object.entries(node).filter(([key]) => !key.startsWith('x-')).map(([key, value]) => [key, publish(value)]))
  if (typeof node['x-default'] === 'string') published.description += ` Default: ${node['x-default']}.`
  return published
}
