// Evaluates the schemas of the options at build time. Writes that of the transport to dist/schema.json, for editors and other
// tools, and puts each of them as plain data in place of its compiled module: an app loads no code that only makes a schema.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

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

/** Leaves out the keywords of our own, and says in words what they say of a default. */
function publish (node) {
  if (Array.isArray(node)) return node.map(publish)
  if (typeof node !== 'object' || node === null) return node
  const published = Object.fromEntries(Object.entries(node).filter(([key]) => !key.startsWith('x-')).map(([key, value]) => [key, publish(value)]))
  if (typeof node['x-default'] === 'string') published.description += ` Default: ${node['x-default']}.`
  return published
}
