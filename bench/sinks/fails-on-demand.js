import { existsSync } from 'node:fs'
import { Writable } from 'node:stream'

/**
 * A sink whose faults are controlled by files in a directory: `exit` ends its thread, `error` emits an error, and `hang`
 * makes writes hang.
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
