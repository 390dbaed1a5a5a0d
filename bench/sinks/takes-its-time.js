import { Writable } from 'node:stream'

/** A sink that takes a fixed number of bytes a second, whatever the size of the writes. */
export default function takesItsTime ({ bytesPerSecond }) {
  const wait = (bytes, done) => setTimeout(done, bytes / bytesPerSecond * 1000)
  return new Writable({
    write: (bytes, _encoding, done) => wait(bytes.length, done),
    writev: (writes, done) => wait(writes.reduce((sum, { chunk }) => sum + chunk.length, 0), done)
  })
}
