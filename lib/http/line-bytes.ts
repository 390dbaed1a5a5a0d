import { isUtf8 } from 'node:buffer'
import { createHeadReader, digitsToNs, isoToNs, type LineHead } from '../line-head.js'
import type { BatchPart } from './batch-part.js'

const NEWLINE = 10
const CARRIAGE_RETURN = 13
const QUOTE = 0x22
const COMMA = 0x2c
const ZERO = 0x30
const NINE = 0x39
const BACKSLASH = 0x5c
const BRACE = 0x7b
const END_BRACE = 0x7d
/** A number of so many digits is exact. */
const MAX_LEVEL_DIGITS = 15
const MAX_TIME_DIGITS = 19

/** The lines of a part in valid UTF-8: bytes that are none are replaced as decoding would replace them. */
export function validBytes ({ bytes }: BatchPart): Buffer {
  return isUtf8(bytes) ? bytes : Buffer.from(bytes.toString())
}

/** The end of the line that starts here: that of its newline, or of the last line. */
export function lineEnd (bytes: Buffer, start: number): number {
  const newline = bytes.indexOf(NEWLINE, start)
  return newline < 0 ? bytes.length : newline
}

/** The end of a line without the carriage return of `crlf: true`. */
export function withoutReturn (bytes: Buffer, start: number, end: number): number {
  return end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end
}

/** Whether a line looks like a JSON object; see `isObjectText()`. */
export function isObjectBytes (bytes: Buffer, start: number, end: number): boolean {
  return end > start && bytes[start] === BRACE && bytes[end - 1] === END_BRACE
}

/** Reads the level and the time of lines in UTF-8. */
export type ByteHeadReader = (bytes: Buffer, start: number, end: number) => Readonly<LineHead>

/**
 * Creates a reader that finds what {@link createHeadReader} finds. It reads the head that pino writes byte by byte, and decodes
 * only a line with another head. The result is valid until the next call. Lines of the same time share one text.
 */
export function createByteHeadReader (levelKey: string, timeKey: string): ByteHeadReader {
  const { read } = createHeadReader(levelKey, timeKey)
  const levelStart = Buffer.from(`{${JSON.stringify(levelKey)}:`)
  const timeStart = Buffer.from(`,${JSON.stringify(timeKey)}:`)
  const head: LineHead = { level: undefined, timeNs: undefined }
  /** The digits or the text of the last time. */
  let last = Buffer.alloc(0)
  let lastNs: string | undefined

  /** Fills `head`; `false` for a line with another head. */
  function readHead (bytes: Buffer, start: number, end: number): boolean {
    if (!hasAt(bytes, start, end, levelStart)) return false
    let at = start + levelStart.length
    let level = 0
    if (bytes[at] === QUOTE) {
      const close = textEnd(bytes, at + 1, end)
      if (close < 0) return false
      head.level = bytes.toString('latin1', at + 1, close)
      at = close + 1
    } else {
      const close = digitsEnd(bytes, at, end)
      if (close === at || close - at > MAX_LEVEL_DIGITS) return false
      for (; at < close; at++) level = level * 10 + (bytes[at] as number) - ZERO
      head.level = level
    }

    if (!hasAt(bytes, at, end, timeStart)) return false
    at += timeStart.length
    const isText = bytes[at] === QUOTE
    const from = isText ? at + 1 : at
    const to = isText ? textEnd(bytes, from, end) : digitsEnd(bytes, from, end)
    if (to < 0 || (!isText && (to === from || to - from > MAX_TIME_DIGITS))) return false
    const next = isText ? to + 1 : to
    if (next >= end || (bytes[next] !== COMMA && bytes[next] !== END_BRACE)) return false
    // With its quote, a text differs from digits.
    if (to - at !== last.length || !hasAt(bytes, at, end, last)) {
      last = Buffer.from(bytes.subarray(at, to))
      const text = bytes.toString('latin1', from, to)
      lastNs = isText ? isoToNs(text) : digitsToNs(text)
    }
    head.timeNs = lastNs
    return true
  }

  return (bytes, start, end) => readHead(bytes, start, end) ? head : read(bytes.toString('utf8', start, end))
}

function hasAt (bytes: Buffer, start: number, end: number, expected: Buffer): boolean {
  if (start + expected.length > end) return false
  for (let index = 0; index < expected.length; index++) {
    if (bytes[start + index] !== expected[index]) return false
  }
  return true
}

function digitsEnd (bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && (bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at++
  return at
}

/** The closing quote of a text in ASCII without escapes; -1 for any other text. */
function textEnd (bytes: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    if (byte === QUOTE) return at
    if (byte === BACKSLASH || byte >= 0x80) return -1
  }
  return -1
}
