import { Writable } from 'node:stream'

/** A sink that takes strings, and only adds up their lengths. */
export default function takesText ({ sink }) {
  const counts = globalThis.benchCounts
  return new Writable({
    decodeStrings: false,
    write (text, _encoding, done) {
      counts[sink] += text.length
      done()
    }
  })
}
