import type { SerializedError } from '../errors.js'
import type { SinkSnapshot } from '../metrics.js'
import { numberText } from './amounts.js'

/** The fields of a sink that a table shows. */
export type ShownSink = Pick<SinkSnapshot, 'name' | 'state' | 'stateForMs' | 'retryInMs' | 'linesDelivered' | 'linesSkipped' | 'linesDropped' | 'queueLines' | 'unsettledLines' | 'spoolLines' | 'lastError'>

/** Lines of a sink that are gone: skipped while its breaker was not closed, or dropped. */
export function lostLines ({ linesSkipped, linesDropped }: Pick<SinkSnapshot, 'linesSkipped' | 'linesDropped'>): number {
  return linesSkipped + Object.values(linesDropped).reduce((sum, lines) => sum + lines, 0)
}

/** Lines of a sink that have not arrived yet: in its queue, handed over, or on the disk. */
export function waitingLines ({ queueLines, unsettledLines, spoolLines }: Pick<SinkSnapshot, 'queueLines' | 'unsettledLines' | 'spoolLines'>): number {
  return queueLines + unsettledLines + spoolLines
}

/** Why lines of a sink are gone: `queue-full 12, skipped 3`. */
export function lossReasons ({ linesSkipped, linesDropped }: Pick<SinkSnapshot, 'linesSkipped' | 'linesDropped'>): string {
  const reasons = [...Object.entries(linesDropped), ['skipped', linesSkipped] as const].filter(([, lines]) => lines > 0)
  return reasons.map(([reason, lines]) => `${reason} ${numberText(lines)}`).join(', ')
}

/** The messages of an error and of what caused it, without repetitions, and without codes of this package. */
export function errorText (error: SerializedError): string {
  const texts: string[] = []
  for (let at: SerializedError | undefined = error; at !== undefined; at = at.cause) {
    const message = at.message.replace(/^ERR_FANOUT_\w+: /, '')
    if (message !== '' && !texts.some(text => text.includes(message))) texts.push(message)
  }
  return texts.join(': ') || error.code || error.type
}
