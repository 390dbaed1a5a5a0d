import { Writable } from 'node:stream'

/** A sink that never calls back. */
export default function hangs () {
  return new Writable({ write () {} })
}
