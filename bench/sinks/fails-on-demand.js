import { existsSync } from 'node:fs'
import { Writable } from 'node:stream'

/**
 * A sink whose faults are ordered from outside, by files in a directory: `exit` ends its thread, `error` emits an error,
 * `hang` never calls back as long as the file is there.
 */
export default function failsOnDemand ({ dir }) {
  return new Writable({
    write (_chunk, _encoding, done) {
      if (existsSync(`${dir}/exit`)) process.exit(1)
      if (existsSync(`${dir}/error`)) return done(new Error('ordered'))
      if (!existsSync(`${dir}/hang`)) done()
    }
  })
}
