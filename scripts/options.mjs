// Makes from the schemas of the options what is told of them elsewhere: the tables of docs/options.md, docs/http.md and docs/nats.md,
// and the TypeScript types with their TSDoc. With --check it writes nothing, and fails if any of them is stale.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadSchemas, root } from './options/load.mjs'
import { tablesOf, withTables } from './options/tables.mjs'
import { typesOf } from './options/types.mjs'

const schemas = loadSchemas()
const { fanoutSchema, policySchema, breakerSchema, httpSchema, natsSchema } = schemas

const files = {
  'lib/breaker/options.ts': () => typesOf([breakerSchema]),
  'lib/options/types.ts': () => typesOf([fanoutSchema, policySchema], { BreakerOptions: '../breaker/options.js' }),
  'lib/http/types.ts': () => typesOf([httpSchema]),
  'lib/nats/types.ts': () => typesOf([natsSchema], { SecretPlace: '../http/types.js', TlsOptions: '../http/types.js' })
}
for (const [page, tables] of Object.entries(tablesOf(schemas))) files[page] = before => withTables(page, before, tables)

for (const [file, make] of Object.entries(files)) {
  const path = join(root, file)
  const before = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const after = make(before)
  if (after === before) continue
  if (process.argv.includes('--check')) {
    console.error(`${file} is stale: run npm run docs`)
    process.exitCode = 1
  } else {
    writeFileSync(path, after)
    console.log(`wrote ${file}`)
  }
}
