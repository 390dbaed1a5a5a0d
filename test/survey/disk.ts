import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Arrivals } from './arrivals.js'
import type { Backend, BackendMode } from './backend.js'

const BLOCK = Buffer.alloc(4096)

/**
 * A small file system with a directory for logs. It can be full, and the directory can be gone; a tmpfs, which only root
 * may mount: `undefined` for others.
 */
export function mountDisk (): Backend | undefined {
  const root = mkdtempSync(join(tmpdir(), 'survey-disk-'))
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'survey', root], { stdio: 'ignore' }).status !== 0) {
    rmSync(root, { recursive: true, force: true })
    return undefined
  }
  const [logs, filler] = [join(root, 'logs'), join(root, 'filler')]
  const removed = new Map<number, number>()
  mkdirSync(logs)
  return {
    address: logs,
    async turn (mode: BackendMode) {
      if (mode === 'gone') {
        for (const [id, times] of read(logs)) removed.set(id, times)
        rmSync(logs, { recursive: true })
      }
      if (mode === 'full') fill(filler)
      if (mode === 'up') {
        rmSync(filler, { force: true })
        mkdirSync(logs, { recursive: true })
      }
    },
    async arrivals () {
      const arrived = read(logs)
      for (const [id, times] of removed) arrived.set(id, times + (arrived.get(id) ?? 0))
      return arrived
    },
    async close () {
      spawnSync('umount', ['-l', root], { stdio: 'ignore' })
      rmSync(root, { recursive: true, force: true })
    }
  }
}

/** What had been written to a directory before it was removed has arrived; what was written after that, to files that nobody finds, has not. */
function read (dir: string): Map<number, number> {
  const arrivals = new Arrivals()
  const names = existsSync(dir) ? readdirSync(dir) : []
  for (const name of names) for (const line of readFileSync(join(dir, name), 'utf8').split('\n')) arrivals.add(messageIn(line))
  return arrivals.times
}

function fill (path: string): void {
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, BLOCK)
  } catch {
    closeSync(file)
  }
}

/** The message in a line of NDJSON, or of what pino-pretty makes of it. */
function messageIn (line: string): unknown {
  try {
    return (JSON.parse(line) as { msg?: unknown }).msg
  } catch {
    return / INFO.*: (line \d+)$/.exec(line)?.[1]
  }
}
