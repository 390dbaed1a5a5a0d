// The tables of docs/options.md, docs/http.md and docs/nats.md.
import { defaultOf, rangeOf } from './words.mjs'

const COLUMNS = ['Option', 'Value', 'Default', 'Meaning', 'Variable']

/** The tables of each page, by their names. */
export function tablesOf ({ fanoutSchema, httpSchema, natsSchema, propertiesOf, expectationOf, variableOf, variablePrefix }) {
  const { targets, ...topLevel } = propertiesOf(fanoutSchema)
  const target = propertiesOf(targets.items)
  const http = propertiesOf(httpSchema)
  const nats = propertiesOf(natsSchema)
  const only = (properties, keep) => Object.fromEntries(Object.entries(properties).filter(([key]) => keep(key)))

  return {
    'docs/options.md': {
      'top-level': table({ targets, ...only(topLevel, key => !(key in target)) }, []),
      targets: table(only(target, key => !(key in topLevel)), ['targets', 'NAME']),
      policy: table(only(target, key => key in topLevel), []),
      match: table(propertiesOf(target.match.additionalProperties)),
      breaker: table(propertiesOf(topLevel.breaker), ['breaker']),
      queue: table(propertiesOf(topLevel.queue), ['queue']),
      batch: table(propertiesOf(topLevel.batch), ['batch']),
      worker: table(propertiesOf(topLevel.worker)),
      'resource-limits': table(propertiesOf(propertiesOf(topLevel.worker).resourceLimits)),
      sense: table(propertiesOf(topLevel.sense), ['sense']),
      'health-check': table(propertiesOf(topLevel.healthCheck)),
      spool: table(propertiesOf(topLevel.spool), ['spool']),
      'dead-letter': table(propertiesOf(topLevel.deadLetter), ['deadLetter']),
      diagnostics: table(propertiesOf(topLevel.diagnostics), ['diagnostics']),
      monitor: table(propertiesOf(topLevel.monitor), ['monitor']),
      flush: table(propertiesOf(topLevel.flush), ['flush'])
    },
    'docs/http.md': {
      http: table(http),
      auth: table(propertiesOf(http.auth)),
      tls: table(propertiesOf(http.tls)),
      elasticsearch: table(propertiesOf(http.elasticsearch)),
      splunk: table(propertiesOf(http.splunk)),
      otlp: table(propertiesOf(http.otlp)),
      traceKeys: table(propertiesOf(propertiesOf(http.otlp).traceKeys))
    },
    'docs/nats.md': {
      nats: table(nats),
      auth: table(propertiesOf(nats.auth)),
      create: table(propertiesOf(nats.create))
    }
  }

  /** @param parents the keys that lead to the variables of these options; `undefined` if no variable sets them */
  function table (properties, parents) {
    const rows = Object.entries(properties).map(([key, node]) => [
      `\`${key}\``,
      rangeOf(key, node) ?? expectationOf(node).replace(/"([^"]*)"/g, "`'$1'`").replace(/\b(true|false)\b/g, '`$1`'),
      defaultOf(key, node),
      node.description,
      parents === undefined ? '' : variableCell(key, node, parents)
    ])
    const columns = parents === undefined ? COLUMNS.slice(0, -1) : COLUMNS
    return [columns, columns.map(() => '---'), ...rows].map(cells => `| ${cells.slice(0, columns.length).join(' | ')} |`).join('\n')
  }

  function variableCell (key, node, parents) {
    const isSettable = node['x-env'] !== false && (node.anyOf ?? [node]).some(({ type }) => type !== 'object')
    if (!isSettable) return ''
    return `\`${variableOf([...parents, key]).slice(variablePrefix.length).replace('__NAME__', '__<NAME>__')}\``
  }
}

/** A page with its tables put between their markers. */
export function withTables (page, text, tables) {
  return Object.entries(tables).reduce((text, [name, content]) => {
    const [opening, closing] = [`<!-- table: ${name} -->\n`, '\n<!-- end of table -->']
    const start = text.indexOf(opening)
    const end = text.indexOf(closing, start)
    if (start === -1 || end === -1) throw new Error(`${page} has no place for the table "${name}"`)
    return text.slice(0, start + opening.length) + content + text.slice(end)
  }, text)
}
