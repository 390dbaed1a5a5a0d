// The TypeScript types of options, with TSDoc for each: what an editor shows.
import { defaultOf, rangeOf } from './words.mjs'

const WIDTH = 120
const HEADER = '// Made from the schema of the options by `npm run docs`: change the schema.\n'

/**
 * The text of a module that declares the types of these schemas, and of all that stands in them.
 *
 * @param imports the modules of types that are declared elsewhere, by the names of the types
 */
export function typesOf (schemas, imports = {}) {
  const declared = new Map()
  const imported = new Set()
  const pending = [...schemas]
  for (let node = pending.shift(); node !== undefined; node = pending.shift()) {
    const name = node['x-type']
    if (!declared.has(name)) declared.set(name, declare(name, node))
  }
  const importLines = [...imported].map(name => `import type { ${name} } from '${imports[name]}'\n`)
  return [HEADER, ...importLines, '\n', [...declared.values()].join('\n')].join('')

  function declare (name, node) {
    const inherited = node['x-extends'] === undefined ? {} : schemas.find(schema => schema['x-type'] === node['x-extends']).properties
    const fields = Object.entries(node.properties).filter(([key]) => !(key in inherited))
    const required = node.required ?? []
    if (node.oneOf === undefined) return interfaceOf(name, node.description, node['x-extends'], fields, required)

    // An alternative has its own keys, and none of those of the others.
    const groups = node.oneOf.map(alternative => ({ ...alternative, keys: keysOf(alternative, node) }))
    const special = groups.flatMap(({ keys }) => keys)
    const common = `Common${name}`
    return [
      `${doc(node.description)}export type ${name} = ${groups.map(group => group['x-type']).join(' | ')}\n`,
      ...groups.map(({ keys, description, required, ...group }) => {
        return interfaceOf(group['x-type'], description, common, fields.filter(([key]) => keys.includes(key)), required, special.filter(key => !keys.includes(key)))
      }),
      interfaceOf(common, `Fields of every \`${name}\`.`, node['x-extends'], fields.filter(([key]) => !special.includes(key)), required)
    ].join('\n')
  }

  function interfaceOf (name, description, base, fields, required, never = []) {
    const members = fields.map(([key, node]) => `${doc(node.description, rangeOf(key, node), defaultOf(key, node), '  ')}  ${key}${required.includes(key) ? '' : '?'}: ${typeOf(node)}\n`)
    const excluded = never.map(key => `  ${key}?: never\n`)
    return `${doc(description)}export interface ${name} ${base === undefined ? '' : `extends ${base} `}{\n${[...members, ...excluded].join('')}}\n`
  }

  function typeOf (node) {
    const name = node['x-type']
    if (name !== undefined) {
      if (name in imports) imported.add(name)
      else pending.push(node)
      return name
    }
    if (node.anyOf !== undefined) return node.anyOf.map(typeOf).join(' | ')
    if (node.const !== undefined) return String(node.const)
    if (node.enum !== undefined) return node.enum.map(word => `'${word}'`).join(' | ')
    switch (node.type) {
      case 'integer': return 'number'
      case 'array': return node.items.anyOf === undefined ? `readonly ${typeOf(node.items)}[]` : `ReadonlyArray<${typeOf(node.items)}>`
      case 'object': return `Record<string, ${typeOf(node.additionalProperties)}>`
      case undefined: return 'unknown'
      default: return node.type
    }
  }
}

/** Keys of an alternative: those that it requires, and those that require one of them. */
function keysOf ({ required }, { dependencies = {} }) {
  return [...required, ...Object.keys(dependencies).filter(key => dependencies[key].some(needed => required.includes(needed)))]
}

/** A TSDoc comment. Editors show a default as code, so it needs no backticks. */
function doc (description, range, byDefault = '', indent = '') {
  const lines = [
    ...wrap(range === undefined ? description : `${description} Value: ${range}.`, WIDTH - indent.length - 3),
    ...byDefault === '' ? [] : wrap(`@default ${byDefault.replaceAll('`', '')}`, WIDTH - indent.length - 3)
  ]
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`
  return `${indent}/**\n${lines.map(line => `${indent} * ${line}\n`).join('')}${indent} */\n`
}

function wrap (text, width) {
  return text.split(' ').reduce((lines, word) => {
    const line = lines.pop()
    if (line === undefined) return [word]
    return `${line} ${word}`.length <= width ? [...lines, `${line} ${word}`] : [...lines, line, word]
  }, [])
}
