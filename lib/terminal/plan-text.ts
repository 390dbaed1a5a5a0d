import { bytesText, linesText } from './amounts.js'
import type { Plan, TargetPlan } from './plan.js'
import { fit, printable, widthOf } from './printable.js'
import type { Style } from './style.js'

const GAP = '  '
const PLACES: Readonly<Record<TargetPlan['isolation'], string>> = { inline: 'the main thread', thread: 'its own thread', process: 'its own process' }

/** A plan for people: a table of the targets, and then what happens to each, and where things are kept. */
export function planText ({ targets, diagnostics, monitor, warnings }: Plan, style: Style): string {
  const rows = targets.map(({ name, level, isolation, queue, modules }) => [
    name,
    String(level),
    PLACES[isolation],
    `${bytesText(queue.maxBytes)} or ${linesText(queue.maxLines)}, ${queue.overflow}`,
    modules.join(' | ')
  ])
  const names = (of: (target: TargetPlan) => string | undefined): string[][] => targets.flatMap(target => {
    const text = of(target)
    return text === undefined ? [] : [[target.name, text]]
  })
  return [
    tableOf([['target', 'level', 'runs in', 'queue', 'module'], ...rows], style, true),
    section('it takes only lines in which', names(({ match }) => match), style),
    section('when it is down', names(({ whenDown }) => whenDown), style),
    section('its breaker opens', names(({ trips }) => trips), style),
    section('spools', names(({ spool }) => spool?.folder), style),
    section('dead letters', names(({ deadLetter }) => deadLetter && `${deadLetter.path}, up to ${bytesText(deadLetter.maxBytes)}`), style),
    section('health checks', names(({ healthCheck }) => healthCheck), style),
    section('records and monitor', [['records go to', diagnostics], ['monitor', monitor ?? 'off']], style),
    ...warnings.length === 0 ? [] : [`${style('strong', 'warnings')}\n${warnings.map(warning => `${GAP}${style('warning', printable(warning))}\n`).join('')}`]
  ].filter(text => text !== '').join('\n')
}

function section (title: string, rows: ReadonlyArray<readonly string[]>, style: Style): string {
  return rows.length === 0 ? '' : `${style('strong', title)}\n${tableOf(rows, style, false, GAP)}`
}

function tableOf (rows: ReadonlyArray<readonly string[]>, style: Style, hasTitles: boolean, indent = ''): string {
  const shown = rows.map(row => row.map(printable))
  const widths = (shown[0] ?? []).map((_, column) => Math.max(...shown.map(row => widthOf(row[column] as string))))
  return shown.map((row, index) => {
    const line = row.map((cell, column) => fit(cell, widths[column] as number)).join(GAP).trimEnd()
    return `${indent}${hasTitles && index === 0 ? style('faint', line) : line}\n`
  }).join('')
}
