// Writes the tables of docs/options.md and docs/http.md, between their markers, from the schemas that were built last.
// With --check it writes nothing and fails if a table is stale.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const lib = join(root, 'dist', 'cjs', 'lib')
const require = createRequire(import.meta.url)
const { fanoutSchema } = require(join(lib, 'options', 'schema.js'))
const { httpSchema } = require(join(lib, 'http', 'schema.js'))
const { propertiesOf } = require(join(lib, 'options', 'schema-node.js'))
const { expectationOf } = require(join(lib, 'options', 'validation.js'))
const { variableOf, variablePrefix } = require(join(lib, 'options', 'env.js'))

const { targets, ...topLevel } = propertiesOf(fanoutSchema)
const target = propertiesOf(targets.items)
const only = (properties, keep) => Object.fromEntries(Object.entries(properties).filter(([key]) => keep(key)))

const tables = {
  'top-level': table({ targets, ...only(topLevel, key => !(key in target)) }),
  targets: table(only(target, key => !(key in topLevel)), ['targets', 'NAME']),
  policy: table(only(target, key => key in topLevel)),
  breaker: table(propertiesOf(topLevel.breaker), ['breaker']),
  queue: table(propertiesOf(topLevel.queue), ['queue']),
  worker: table(propertiesOf(topLevel.worker), ['worker'], false),
  sense: table(propertiesOf(topLevel.sense), ['sense']),
  'health-check': table(propertiesOf(topLevel.healthCheck), ['healthCheck'], false),
  spool: table(propertiesOf(topLevel.spool), ['spool']),
  'dead-letter': table(propertiesOf(topLevel.deadLetter), ['deadLetter']),
  diagnostics: table(propertiesOf(topLevel.diagnostics), ['diagnostics'])
}

const http = propertiesOf(httpSchema)
const httpTables = {
  http: tableWithoutVariables(http),
  auth: tableWithoutVariables(propertiesOf(http.auth)),
  tls: tableWithoutVariables(propertiesOf(http.tls)),
  elasticsearch: tableWithoutVariables(propertiesOf(http.elasticsearch)),
  splunk: tableWithoutVariables(propertiesOf(http.splunk))
}

function table (properties, parents = [], settable = true) {
  const rows = Object.entries(properties).map(([key, node]) => {
    const variable = settable && node['x-env'] !== false && (node.anyOf ?? [node]).some(({ properties }) => properties === undefined)
    return [
      `\`${key}\``,
      expectationOf(node).replace(/"([^"]*)"/g, "`'$1'`").replace(/\b(true|false)\b/g, '`$1`'),
      node['x-default'] ?? literal(node.default),
      node.description,
      variable ? `\`${variableOf([...parents, key]).slice(variablePrefix.length).replace('__NAME__', '__<NAME>__')}\`` : ''
    ]
  })
  return [['Option', 'Value', 'Default', 'Meaning', 'Variable'], Array(5).fill('---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

/** The last column is of no use where no variable sets anything. */
function tableWithoutVariables (properties) {
  return table(properties, [], false).replace(/^(\|.*\|)[^|]*\|$/gm, '$1')
}

function literal (value) {
  return value === undefined ? '' : `\`${JSON.stringify(value).replaceAll('"', "'")}\``
}

for (const [page, contents] of Object.entries({ 'options.md': tables, 'http.md': httpTables })) {
  const file = join(root, 'docs', page)
  const before = readFileSync(file, 'utf8')
  const after = Object.entries(contents).reduce((text, [name, content]) => {
    const [opening, closing] = [`<!-- table: ${name} -->\n`, '\n<!-- end of table -->']
    const start = text.indexOf(opening)
    const end = text.indexOf(closing, start)
    if (start === -1 || end === -1) throw new Error(`docs/${page} has no place for the table "${name}"`)
    return text.slice(0, start + opening.length) + content + text.slice(end)
  }, before)

  if (!process.argv.includes('--check')) writeFileSync(file, after)
  else if (after !== before) {
    console.error(`docs/${page} is stale: run node scripts/options-table.mjs`)
    process.exitCode = 1
  }
}
