import type { SerializedError } from '../errors.js'
import type { SinkSnapshot } from '../metrics.js'
import { numberText } from './amounts.js'

/** The fields of a sink that a table shows. */
export type ShownSink = Pick<SinkSnapshot, 'name' | 'state' | 'stateForMs' | 'retryInMs' | 'linesDelivered' | 'linesSkipped' | 'linesDropped' | 'queueLines' | 'unsettledLines' | 'spoolLines' | 'lastError'>

/** Why lines of a sink are gone: `queue-full 12, skipped 3`. */
export function lossReasons ({ linesSkipped, linesDropped }: Pick<SinkSnapshot, 'linesSkipped' | 'linesDropped'>): string {
  const reasons = [...Object.entries(linesDropped), ['skipped', linesSkipped] as const].filter(([, lines]) => lines > 0)
  return reasons.map(([reason, lines]) => `${reason} ${numberText(lines)}`).join(', ')
}

/** The message of what caused an error in the end, without codes of this package. The diagnostic record has all the rest. */
export function errorText (error: SerializedError): string {
  let text = ''
  for (let at: SerializedError | undefined = error; at !== undefined; at = at.cause) text = at.message.replace(/^ERR_FANOUT_\w+: /, '') || text
  return text || error.code || error.type
}
