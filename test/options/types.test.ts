import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { httpSchema } from '#lib/http/schema'
import { fanoutSchema } from '#lib/options'
import { propertiesOf, type SchemaNode } from '#lib/options/schema-node'

const published = [
  { entry: 'dist/esm/index.d.ts', name: 'FanoutOptions', schema: fanoutSchema },
  { entry: 'dist/cjs/index.d.cts', name: 'FanoutOptions', schema: fanoutSchema },
  { entry: 'dist/esm/http.d.ts', name: 'HttpSinkOptions', schema: httpSchema },
  { entry: 'dist/cjs/http.d.cts', name: 'HttpSinkOptions', schema: httpSchema }
]
const program = ts.createProgram(published.map(({ entry }) => entry), {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  types: ['node']
})
const checker = program.getTypeChecker()

for (const { entry, name, schema } of published) {
  t.test(`the published types tell the meaning, the range and the default of every option (${name} of ${entry})`, async t => {
    const { paths, untold } = untoldIn(typeOf(entry, name), schema)
    t.ok(paths > 20, 'options were found')
    t.strictSame(untold, [])
  })
}

t.test('what is published does not mention TypeBox', async t => {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  const files = readdirSync('dist', { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  t.ok(files.length > 20, 'files were found')
  t.strictSame(files.filter(file => /typebox/i.test(readFileSync(file, 'utf8'))), [])
  t.notMatch(JSON.stringify({ dependencies, peerDependencies }), /typebox/)
})

function typeOf (entry: string, name: string): ts.Type {
  const source = program.getSourceFile(entry)
  const module = source && checker.getSymbolAtLocation(source)
  const exported = module && checker.getExportsOfModule(module).find(symbol => symbol.name === name)
  if (exported === undefined) throw new Error(`${entry} does not export ${name}`)
  return checker.getDeclaredTypeOfSymbol(exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported)
}

/** Goes through the options of a schema, and lists those of which an editor would not show all. */
function untoldIn (type: ts.Type, node: SchemaNode): { paths: number, untold: string[] } {
  const untold: string[] = []
  let paths = 0
  const visit = (type: ts.Type, node: SchemaNode, path: string): void => {
    for (const [key, field] of Object.entries(propertiesOf(node))) {
      paths++
      const property = documentedProperty(type, key)
      const told = property === undefined ? '' : plain(ts.displayPartsToString(property.getDocumentationComment(checker)))
      const byDefault = plain(ts.displayPartsToString(property?.getJsDocTags(checker).find(tag => tag.name === 'default')?.text))
      const { minimum, exclusiveMinimum, maximum } = field
      const range = [minimum, exclusiveMinimum, maximum].filter(bound => bound !== undefined)
      if (!told.startsWith(plain(field.description)) || !range.every(bound => told.includes(String(bound)))) untold.push(`${path}${key}: ${told}`)
      if (!byDefault.startsWith(defaultOf(field)) || (byDefault === '') !== (defaultOf(field) === '')) untold.push(`${path}${key}: @default ${byDefault}`)
      if (property === undefined) continue
      const inner = checker.getTypeOfSymbol(property)
      visit(inner, field, `${path}${key}.`)
      const items = checker.getIndexTypeOfType(inner, ts.IndexKind.Number)
      if (field.items !== undefined && items !== undefined) visit(items, field.items, `${path}${key}[].`)
    }
  }
  visit(type, node, '')
  return { paths, untold }
}

/** The property of one of the alternatives of a type; some exclude it, without a word about it. */
function documentedProperty (type: ts.Type, key: string): ts.Symbol | undefined {
  const alternatives = type.isUnion() ? type.types : [type]
  return alternatives.map(alternative => alternative.getProperty(key)).find(property => property !== undefined && property.getDocumentationComment(checker).length > 0)
}

function defaultOf (node: SchemaNode): string {
  if (node['x-default'] !== undefined) return plain(node['x-default'].replaceAll('`', ''))
  return node.default === undefined ? '' : JSON.stringify(node.default).replaceAll('"', "'")
}

function plain (text = ''): string {
  return text.replace(/\s+/g, ' ').trim()
}
