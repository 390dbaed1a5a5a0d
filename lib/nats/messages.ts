import type { SinkBatch } from '../child/delivery.js'
import type { SubjectMaker } from './subject.js'

const NEWLINE = 10
const CARRIAGE_RETURN = 13

/** A message with one line of a batch, or several. */
export interface Message {
  readonly subject: string
  /** Fit for `Nats-Msg-Id`: the same whenever the same lines are sent, and different for any others. */
  readonly id: string
  readonly payload: Uint8Array
  /** The index in the batch of the first line. */
  readonly first: number
  readonly count: number
}

/** A message for each line, without its newline. */
export function * lineMessages (batch: SinkBatch, subjects: SubjectMaker): Generator<Message> {
  const { buffer, lineIds } = batch
  for (let first = 0, start = 0; start < buffer.length; first++) {
    const newline = buffer.indexOf(NEWLINE, start)
    // As of `crlf: true`.
    const end = newline > start && buffer[newline - 1] === CARRIAGE_RETURN ? newline - 1 : newline
    const from = start
    yield { subject: subjects.subjectOf(() => buffer.toString('utf8', from, end)), id: lineIds[first] as string, payload: buffer.subarray(start, end), first, count: 1 }
    start = newline + 1
  }
}

/** Messages of as many lines as fit into `maxBytes`, but at least one, with their newlines. */
export function * batchMessages (batch: SinkBatch, subjects: SubjectMaker, maxBytes: number): Generator<Message> {
  const { buffer, lineIds } = batch
  for (let first = 0, start = 0; start < buffer.length;) {
    let end = start
    let count = 0
    for (let next = buffer.indexOf(NEWLINE, end) + 1; next > 0 && (count === 0 || next - start <= maxBytes); next = buffer.indexOf(NEWLINE, end) + 1) {
      end = next
      count++
    }
    // The first line alone does not tell these lines from others that were sent with it before: a server would drop lines.
    const id = `${lineIds[first]}+${count}-${lineIds[first + count - 1]}`
    yield { subject: subjects.subjectOf(() => ''), id, payload: buffer.subarray(start, end), first, count }
    first += count
    start = end
  }
}
