import { formatBytes, formatCount, formatSpan, readableLine } from './format.js'
import type { CircuitState, Notice, SinkSnapshot } from './messages.js'

/** States of a breaker as words, the worst last. */
export const stateWords: Readonly<Record<CircuitState, string>> = { closed: 'Closed', 'half-open': 'Half-open', open: 'Open' }

/** What a state means for the sink's lines. */
export const stateMeanings: Readonly<Record<CircuitState, string>> = {
  closed: 'lines are sent',
  'half-open': 'a few lines are sent as a probe',
  open: 'no line is sent'
}

/** A state as the page may show it: what is no known state is shown as open. */
export function knownState (state: string): CircuitState {
  return state === 'closed' || state === 'half-open' ? state : 'open'
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['start-failed', 'the sink did not start'],
  ['start-timeout', 'the sink did not start in time'],
  ['stream-error', 'the sink emitted an error'],
  ['write-error', 'the sink refused a write'],
  ['write-timeout', 'the sink did not take lines in time'],
  ['closed-early', 'the sink closed by itself'],
  ['destroyed', 'the sink was destroyed'],
  ['thread-exit', "the sink's thread ended"],
  ['process-exit', "the sink's process ended"],
  ['out-of-memory', 'the sink used too much memory'],
  ['network', 'a connection failed'],
  ['health-check', 'by its health check'],
  ['still-hung', 'a call of the sink still hangs'],
  ['failure-rate', 'too many of its attempts failed'],
  ['slow', 'the sink was too slow'],
  ['recovery-due', 'it was time for a probe'],
  ['probe-succeeded', 'a probe succeeded'],
  ['forced', 'by an operator'],
  ['reset', 'reset by an operator']
])

/** A reason in words: `a connection failed` for `network`. */
export function reasonWords (reason: string): string {
  const status = /^http-(\d{3})$/.exec(reason)?.[1]
  return status === undefined ? REASONS.get(reason) ?? readableLine(reason, 60) : `its backend answered ${status}`
}

const LOSSES: ReadonlyMap<string, string> = new Map([
  ['skipped', 'skipped'],
  ['queue-full', 'queue full'],
  ['too-long', 'line too long'],
  ['at-most-once', 'sent at most once'],
  ['poison', 'refused for good'],
  ['spool-full', 'spool full'],
  ['damaged', 'spool damaged'],
  ['closed', 'left at the end']
])

/** The reason of a loss in words: `queue full`. */
export function lossWords (reason: string): string {
  return LOSSES.get(reason) ?? readableLine(reason, 40)
}

/** A notice as a sentence without its subject. */
export function noticeWords ({ kind, facts }: Notice): string {
  const number = (key: string): number => Number(facts[key] ?? 0)
  switch (kind) {
    case 'stalled': return `stalled: ${lines(number('lines'))} waiting, and none delivered for ${formatSpan(number('forMs'))}`
    case 'spool-half-full': return `spool half full: ${formatBytes(number('bytes'))} of ${formatBytes(number('maxBytes'))}`
    case 'spool-full': return `spool full: the oldest lines of its ${formatBytes(number('maxBytes'))} make room for new ones`
    case 'restart-loop': return `restarted ${formatCount(number('restarts'))} times within ${formatSpan(number('withinMs'))}`
    case 'losing-lines': return `${lines(number('lines'))} lost within ${formatSpan(number('withinMs'))}`
    default: return readableLine(`${String(kind)} ${JSON.stringify(facts)}`)
  }
}

/** `1 line`, `1,204 lines`. */
export function lines (count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'line' : 'lines'}`
}

/** An error on one line: its message, and the message of what caused it. */
export function errorLine (error: NonNullable<SinkSnapshot['lastError']>): string {
  let root = error
  while (root.cause !== undefined) root = root.cause
  const messages = [error.message === '' ? error.type : error.message]
  if (root.message !== '' && !error.message.includes(root.message)) messages.push(root.message)
  const text = messages.map(message => readableLine(message.replace(OWN_CODE, ''), 140)).join(': ')
  const code = readableLine(root.code ?? error.code ?? '', 40)
  return code === '' || OWN_CODE.test(`${code}: `) || text.includes(code) ? text : `${code}: ${text}`
}

/** Messages of this package's own errors begin with their code. */
const OWN_CODE = /^ERR_FANOUT_[A-Z_]+: /

/** Everything in one sentence, for who looks at the page for a second. */
export function verdict (sinks: readonly SinkSnapshot[], losing: readonly string[]): string {
  const inState = (wanted: CircuitState): string[] => sinks.filter(({ state }) => knownState(state) === wanted).map(({ name }) => name)
  const parts = ([[inState('open'), 'open'], [inState('half-open'), 'half-open'], [losing, 'losing lines']] as const)
    .filter(([names]) => names.length > 0)
    .map(([names, what]) => `${enumerate(names, sinks.length)} ${names.length === 1 ? 'is' : 'are'} ${what}`)
  if (parts.length > 0) return parts.join(' · ')
  return sinks.length === 1 ? 'The sink takes lines' : `All ${sinks.length} sinks take lines`
}

/** Up to three are named. */
function enumerate (names: readonly string[], total: number): string {
  if (names.length > 3) return `${names.length} of ${total} sinks`
  const shown = names.map(name => `\u2068${readableLine(name, 40)}\u2069`)
  return shown.length === 1 ? shown[0] as string : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1) as string}`
}

/** The worst state of all sinks. */
export function worstState (sinks: readonly SinkSnapshot[]): CircuitState {
  if (sinks.some(({ state }) => state === 'open')) return 'open'
  return sinks.some(({ state }) => state === 'half-open') ? 'half-open' : 'closed'
}
