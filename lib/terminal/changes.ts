import type { TransitionEvent } from '../breaker.js'
import type { Notice } from '../reports/notice.js'
import { bytesText, durationText, linesText, numberText } from './amounts.js'
import { printable } from './printable.js'
import { errorText } from './sink-facts.js'

/** Some transitions of a sink as one line; it describes the last of them. */
export function transitionText (event: TransitionEvent, transitions = 1): string {
  const { sink, from, to, reason, openForMs, retryInMs, err } = event
  const more = [
    ...shareTexts(event),
    ...(err === undefined ? [] : [errorText(err)]),
    ...(to === 'open' && retryInMs > 0 ? [`probes in ${durationText(retryInMs)}`] : []),
    ...(to === 'closed' && openForMs > 0 ? [`was down for ${durationText(openForMs)}`] : []),
    ...(transitions > 1 ? [`${transitions} transitions`] : [])
  ]
  return printable(`${sink}: ${from} -> ${to}, ${reason}${more.map(text => `; ${text}`).join('')}`)
}

/** The attempts that opened the breaker, if it was by their share. */
function shareTexts ({ from, attempts = 0, failureRate, slowRate, tookMs }: TransitionEvent): string[] {
  const ofAttempts = (share: number): string => `${Math.round(share * 100)}% of ${numberText(attempts)} attempts`
  return [
    ...(failureRate === undefined ? [] : [`${ofAttempts(failureRate)} failed`]),
    ...(slowRate === undefined ? [] : [`${ofAttempts(slowRate)} were slow`]),
    ...(tookMs === undefined ? [] : [`${from === 'half-open' ? 'the probe' : 'the last'} took ${durationText(tookMs)}`])
  ]
}

/** A notice as one line. */
export function noticeText ({ sink, kind, facts }: Notice): string {
  const { lines = 0, forMs = 0, bytes = 0, maxBytes = 0, restarts = 0, withinMs = 0 } = facts
  const texts: Readonly<Record<Notice['kind'], string>> = {
    stalled: `stalled: ${linesText(lines)} waiting, no progress for ${durationText(forMs)}`,
    'spool-half-full': `spool half full: ${bytesText(bytes)} of ${bytesText(maxBytes)}`,
    'spool-full': `spool full: ${bytesText(maxBytes)}; its oldest lines make room`,
    'restart-loop': `restarted ${numberText(restarts)} times within ${durationText(withinMs)}`,
    'losing-lines': `lost ${linesText(lines)} within ${durationText(withinMs)}`
  }
  return printable(`${sink}: ${texts[kind] ?? kind}`)
}
