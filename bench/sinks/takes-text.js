import { Writable } from 'node:stream'

/** A sink that takes strings and does nothing but count how much that was. */
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
