import type { OpenFile } from '../spool/file-system.js'

const NEWLINE = 10
const CHUNK_BYTES = 256 * 1024

/** The lines of a file, each without its newline and as the bytes that it is; also what stands behind the last newline. */
export async function * linesOf (file: Pick<OpenFile, 'read'>): AsyncGenerator<Buffer> {
  let position = 0
  let parts: Buffer[] = []
  for (;;) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
    const bytesRead = await file.read(buffer, position)
    if (bytesRead === 0) break
    position += bytesRead
    let start = 0
    for (let end = buffer.indexOf(NEWLINE); end !== -1 && end < bytesRead; end = buffer.indexOf(NEWLINE, start)) {
      yield parts.length === 0 ? buffer.subarray(start, end) : Buffer.concat([...parts.splice(0), buffer.subarray(start, end)])
      start = end + 1
    }
    if (start < bytesRead) parts = [...parts, buffer.subarray(start, bytesRead)]
  }
  if (parts.length > 0) yield Buffer.concat(parts)
}
