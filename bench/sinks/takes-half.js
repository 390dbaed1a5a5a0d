import { appendFileSync } from 'node:fs'
import { Writable } from 'node:stream'

/**
 * A sink that takes a fixed number of bytes a second, and appends them to a file. It fails from one time to another, in ms since
 * the epoch.
 */
export default function takesHalf ({ bytesPerSecond, path, failsFrom = Infinity, failsUntil = Infinity }) {
  const isDown = () => Date.now() >= failsFrom && Date.now() < failsUntil
  let doneAt = 0
  return new Writable({
    write (bytes, _encoding, done) {
      if (isDown()) return done(new Error('down'))
      // Timers of a busy machine are late: what was missed within the last second is made up for.
      doneAt = Math.max(doneAt, Date.now() - 1000) + bytes.length / bytesPerSecond * 1000
      setTimeout(() => {
        if (isDown()) return done(new Error('down'))
        appendFileSync(path, bytes)
        done()
      }, doneAt - Date.now())
    }
  })
}
