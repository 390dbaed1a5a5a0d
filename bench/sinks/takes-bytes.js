import { Writable } from 'node:stream'

/** A sink that takes bytes, and only counts them. */
export default function takesBytes ({ sink }) {
  const counts = globalThis.benchCounts
  return new Writable({
    write (bytes, _encoding, done) {
      counts[sink] += bytes.length
      done()
    }
  })
}
