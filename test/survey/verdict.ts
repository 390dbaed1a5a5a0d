import { LANE, type CellFacts, type LineFacts } from './cell.js'
import { outages, type OutageName } from './outages.js'
import type { Demand, SurveyedTransport } from './transports.js'

/** What a sink's thread may take to load its transport, on a machine that is busy. */
export const START_MS = 3000
/** What a timer, a thread and a message between processes may take. */
export const SLACK_MS = 500

/** The longest that a breaker may take to open. */
export function openLimitMs ({ batchMs }: SurveyedTransport, outage: OutageName): number {
  return batchMs + LANE.writeTimeoutMs + SLACK_MS + (outages[outage].fromStart ? START_MS : 0)
}

/** The longest that a breaker may take to close, once the backend is back. */
export function closeLimitMs ({ batchMs }: SurveyedTransport): number {
  return LANE.breaker.recoveryTimeoutMs + batchMs + 1000
}

/** What of that which is asked of a lane in an outage did not come about. */
export function shortcomings (transport: SurveyedTransport, outage: OutageName, facts: CellFacts): Demand[] {
  const { openedAfterMs, closedAfterMs, reason, code, type, message, isRecorded } = facts
  const causes: readonly string[] = outages[outage].causes
  const found: Demand[] = []
  if (openedAfterMs === undefined || openedAfterMs > openLimitMs(transport, outage)) found.push('opens')
  if (!isRecorded || !causes.some(cause => [reason, code, type].includes(cause) || message?.includes(cause))) found.push('cause')
  if (closedAfterMs === undefined || closedAfterMs < 0 || closedAfterMs > closeLimitMs(transport)) found.push('closes')
  if (facts.missing > 0) found.push('arrives')
  if (!facts.isFileComplete || !facts.hasEnded) found.push('file')
  return found
}

/** What of that is not among the limits of the transport. */
export function breaches (transport: SurveyedTransport, outage: OutageName, facts: CellFacts): Demand[] {
  const known = transport.limits?.[outage]?.demands
  return shortcomings(transport, outage, facts).filter(demand => known?.includes(demand) !== true)
}

/** What of that which is asked of a healthy run did not come about. */
export function flaws ({ missing, duplicates, failures, isFileComplete, hasEnded }: LineFacts): string[] {
  return [
    ...(missing > 0 ? [`${missing} lines missing`] : []),
    ...(duplicates > 0 ? [`${duplicates} lines twice`] : []),
    ...(Object.keys(failures).length > 0 ? [`failures: ${JSON.stringify(failures)}`] : []),
    ...(isFileComplete ? [] : ['the file is not complete']),
    ...(hasEnded ? [] : ['the app did not end'])
  ]
}
