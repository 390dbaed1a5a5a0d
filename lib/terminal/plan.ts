import { matchText } from '../match/match-text.js'
import type { FanoutSettings, TargetSettings } from '../options.js'
import { bytesText, durationText, linesText } from './amounts.js'

/** The plan for one target: where its lines go, by these settings. */
export interface TargetPlan {
  readonly name: string
  /** The files of its modules, without their options; `pino/file` for pino's own. */
  readonly modules: readonly string[]
  /** The lowest level that it takes: a number or a label; `'all'` also for lines without a level; `'standby'`: what others pass on. */
  readonly level: number | string
  /** Conditions for the content of its lines, in words. */
  readonly match?: string
  readonly isolation: 'thread' | 'inline' | 'process'
  readonly queue: { readonly maxBytes: number, readonly maxLines: number, readonly overflow: string }
  readonly whenOpen: string
  /** In words: where lines go while it is down. */
  readonly whenDown: string
  /** When its breaker opens and probes, in words. */
  readonly trips: string
  /** Who takes its lines while it is down, one after another. */
  readonly fallbacks: readonly string[]
  readonly spool?: { readonly folder: string, readonly maxBytes: number, readonly mode: string }
  readonly deadLetter?: { readonly path: string, readonly maxBytes: number }
  /** The address of its health check, without credentials. */
  readonly healthCheck?: string
}

/** The plan of a transport with these settings. It contains neither options of the loaded modules nor credentials. */
export interface Plan {
  readonly targets: readonly TargetPlan[]
  /** Where the transport's own records go, in words. */
  readonly diagnostics: string
  /** The address of the monitor. */
  readonly monitor?: string
  readonly warnings: readonly string[]
}

/** The part of the settings that says where the monitor listens. */
interface MonitorPlace { readonly monitor?: { readonly place: { kind: 'port', host: string, from: number, to: number } | { kind: 'socket', path: string } } | undefined }

/** Makes the plan of a transport. */
export function planOf (settings: FanoutSettings): Plan {
  const monitor = monitorOf(settings as FanoutSettings & MonitorPlace)
  return {
    targets: settings.targets.map(target => planOfTarget(target, settings.targets)),
    diagnostics: diagnosticsOf(settings.diagnostics),
    ...monitor !== undefined && { monitor },
    warnings: settings.warnings
  }
}

function planOfTarget (target: TargetSettings, all: readonly TargetSettings[]): TargetPlan {
  const { name, source, level, match, standby, isolation, queue: { maxBytes, maxLines, overflow }, whenOpen, spool, deadLetter, healthCheck } = target
  const entries = source.kind === 'target' ? [source.entry] : source.entries
  const fallbacks = fallbacksOf(target, all)
  return {
    name,
    modules: entries.map(({ file, isPinoFile }) => isPinoFile ? 'pino/file' : file),
    level: standby ? 'standby' : level === -Infinity ? 'all' : level,
    ...match !== undefined && { match: matchText(match) },
    isolation,
    queue: { maxBytes, maxLines, overflow },
    whenOpen,
    whenDown: whenDown(target, fallbacks),
    trips: trips(target),
    fallbacks,
    ...spool !== undefined && { spool: { folder: spool.folder, maxBytes: spool.maxBytes, mode: spool.mode } },
    ...deadLetter !== undefined && { deadLetter },
    ...healthCheck !== undefined && { healthCheck: healthCheck.kind === 'http' ? bare(healthCheck.url) : `${healthCheck.host}:${healthCheck.port}` }
  }
}

/** The chain of standby targets, and stderr if it ends there. */
function fallbacksOf ({ whenOpen, fallback, standby }: TargetSettings, all: readonly TargetSettings[]): string[] {
  if (whenOpen !== 'fallback' && !standby) return []
  const next = all.find(({ name }) => name === fallback)
  return next === undefined ? ['stderr'] : [next.name, ...fallbacksOf(next, all)]
}

function whenDown (target: TargetSettings, fallbacks: readonly string[]): string {
  const { breaker, whenOpen, queue: { maxBytes, maxLines, overflow }, spool, standby } = target
  const waits = `lines wait in memory, up to ${bytesText(maxBytes)} or ${linesText(maxLines)}, then ${overflow === 'drop-newest' ? 'new ones' : 'the oldest'} are dropped`
  if (!breaker.enabled) return `its breaker is off, so it is tried again and again; ${waits}`
  if (breaker.mode === 'observe') return `its breaker only reports, so it is tried again and again; ${waits}`
  if (standby || whenOpen === 'fallback') {
    const [first = 'stderr', ...others] = fallbacks
    return `lines go to ${first}${others.map(name => `, to ${name} if that is down too`).join('')}, and stay there`
  }
  switch (whenOpen) {
    case 'hold': return waits
    case 'skip': return 'new lines are dropped and counted; those that wait already stay in memory'
    case 'spool': return `${spool?.mode === 'always' ? 'lines stay on disk, where every line goes first' : 'lines go to disk'}, up to ${bytesText(spool?.maxBytes ?? 0)}, then the oldest are deleted; they are sent in order once it is back`
  }
}

function trips ({ breaker, healthCheck }: TargetSettings): string {
  const { enabled, failureThreshold, recoveryTimeoutMs, backoffMultiplier, maxRecoveryTimeoutMs, failureRate, slowMs, slowRate, windowMs } = breaker
  if (!enabled) return 'never'
  const causes = [
    failureThreshold === 1 ? 'the first failure' : `${failureThreshold} failures in a row`,
    ...failureRate === undefined ? [] : [`once ${percent(failureRate)} of the attempts of ${durationText(windowMs)} have failed`],
    ...slowMs === undefined ? [] : [`once ${percent(slowRate)} of the attempts of ${durationText(windowMs)} took longer than ${durationText(slowMs)}`]
  ]
  const later = backoffMultiplier > 1 ? `, then ever later, up to ${durationText(maxRecoveryTimeoutMs)}` : ''
  return `after ${causes.join(', or ')}; it is tried again after ${durationText(recoveryTimeoutMs)}${later}${healthCheck === undefined ? '' : ', once its health check succeeds'}`
}

function percent (share: number): string {
  return `${Math.round(share * 1000) / 10}%`
}

function diagnosticsOf (diagnostics: FanoutSettings['diagnostics']): string {
  if (diagnostics === false) return 'off'
  const { to, level } = diagnostics
  const place = to === 'others' ? 'every target but the one that a record is about' : typeof to === 'string' ? to : to.join(', ')
  return `${place}; from ${level} on`
}

function monitorOf ({ monitor }: MonitorPlace): string | undefined {
  if (monitor === undefined) return undefined
  const { place } = monitor
  if (place.kind === 'socket') return `unix:${place.path}`
  const host = place.host.includes(':') ? `[${place.host}]` : place.host
  if (place.to === 0) return `http://${host}, at any free port`
  return `http://${host}:${place.from}${place.to > place.from ? `, or the next free port up to ${place.to}` : ''}`
}

/** An address without user, password and query, each of which may be secret. */
function bare (url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
