import { Writable } from 'node:stream'

/** A sink that takes so many bytes a second, however they are cut. */
export default function takesItsTime ({ bytesPerSecond }) {
  const wait = (bytes, done) => setTimeout(done, bytes / bytesPerSecond * 1000)
  return new Writable({
    write: (bytes, _encoding, done) => wait(bytes.length, done),
    writev: (writes, done) => wait(writes.reduce((sum, { chunk }) => sum + chunk.length, 0), done)
  })
}
