import { Writable } from 'node:stream'

/** A sink that takes strings, and does nothing with them. */
export default function discards () {
  return new Writable({ decodeStrings: false, write (_text, _encoding, done) { done() } })
}
