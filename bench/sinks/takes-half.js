import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { Writable } from 'node:stream'

/**
 * A sink that takes a fixed number of bytes a second, and appends them to a file. With `outage: [from, until]` it fails between
 * these two times, in seconds from the first line.
 */
export default function takesHalf ({ bytesPerSecond, path, outage: [from, until] = [Infinity, Infinity] }) {
  // A sink that is started again asks the file.
  let firstAt = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8').split('\n', 1)[0]).time : undefined
  const isDown = () => {
    const seconds = (Date.now() - firstAt) / 1000
    return seconds >= from && seconds < until
  }
  let doneAt = 0
  return new Writable({
    write (bytes, _encoding, done) {
      if (isDown()) return done(new Error('down'))
      // Timers of a busy machine are late: what was missed within the last second is made up for.
      doneAt = Math.max(doneAt, Date.now() - 1000) + bytes.length / bytesPerSecond * 1000
      setTimeout(() => {
        if (isDown()) return done(new Error('down'))
        firstAt ??= Date.now()
        appendFileSync(path, bytes)
        done()
      }, doneAt - Date.now())
    }
  })
}
