// Works out the schema of the options once, at build time. It goes into the package twice: as dist/schema.json, for
// editors and other tools, and as plain data in place of the compiled lib/options/schema.js. TypeBox, which takes some
// 50 ms to load (200 modules), is then never loaded where an app starts.
import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist')

/** Leaves out the keywords of our own, and says in words what they say of a default. */
function publish (node) {
  if (Array.isArray(node)) return node.map(publish)
  if (typeof node !== 'object' || node === null) return node
  const published = Object.fromEntries(Object.entries(node).filter(([key]) => !key.startsWith('x-')).map(([key, value]) => [key, publish(value)]))
  if (typeof node['x-default'] === 'string') published.description += ` Default: ${node['x-default']}.`
  return published
}

export function buildSchema () {
  const { fanoutSchema } = createRequire(import.meta.url)(join(dist, 'cjs', 'lib', 'options', 'schema.js'))
  const data = JSON.stringify(fanoutSchema, null, 2)

  const files = { esm: `export const fanoutSchema = ${data}\n`, cjs: `'use strict'\nexports.fanoutSchema = ${data}\n` }
  for (const [format, source] of Object.entries(files)) {
    const file = join(dist, format, 'lib', 'options', 'schema.js')
    writeFileSync(file, source)
    rmSync(`${file}.map`)
  }

  const published = { $schema: 'http://json-schema.org/draft-07/schema#', ...publish(JSON.parse(data)) }
  writeFileSync(join(dist, 'schema.json'), JSON.stringify(published, null, 2) + '\n')
}
