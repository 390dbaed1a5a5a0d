import { appendFileSync } from 'node:fs'
import { Writable } from 'node:stream'

/**
 * A sink that takes a fixed number of bytes a second, and appends them to a file. It fails from one time to another, in ms since
 * the epoch.
 */
export default function takesHalf ({ bytesPerSecond, path, failsFrom = Infinity, failsUntil = Infinity }) {
  const isDown = () => Date.now() >= failsFrom && Date.now() < failsUntil
  return new Writable({
    write (bytes, _encoding, done) {
      if (isDown()) return done(new Error('down'))
      setTimeout(() => {
        if (isDown()) return done(new Error('down'))
        appendFileSync(path, bytes)
        done()
      }, bytes.length / bytesPerSecond * 1000)
    }
  })
}
