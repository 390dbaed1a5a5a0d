import { readFileSync } from 'node:fs'
import { arch, cpus, platform, release, totalmem } from 'node:os'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** The facts, apart from the code, on which results depend. */
export function describeMachine () {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
    cpu: `${cpus().length} × ${cpus()[0].model.trim()}`,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()} ${arch()}`,
    versions: {
      'pino-breaker-fanout': version,
      node: process.version,
      v8: process.versions.v8,
      ...Object.fromEntries(['pino', 'sonic-boom', 'thread-stream', 'split2'].map(name => [name, require(`${name}/package.json`).version]))
    }
  }
}
