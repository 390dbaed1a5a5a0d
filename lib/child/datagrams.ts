/** Less than the 65,507 bytes that fit into a datagram. */
export const MAX_DATAGRAM_BYTES = 60000
const NEWLINE = 10

/** Cuts lines into parts of whole lines that each fit into a datagram. A longer line stays one part. */
export function * cutForDatagrams (lines: string | Buffer): Generator<{ part: string | Buffer, bytes: number }> {
  const whole = typeof lines === 'string' ? Buffer.from(lines) : lines
  for (let from = 0; from < whole.length;) {
    const fits = whole.lastIndexOf(NEWLINE, from + MAX_DATAGRAM_BYTES - 1) + 1
    const end = fits > from ? fits : whole.indexOf(NEWLINE, from) + 1
    const part = whole.subarray(from, end > 0 ? end : whole.length)
    yield { part: typeof lines === 'string' ? part.toString() : part, bytes: part.length }
    from += part.length
  }
}
