import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
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
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'survey', root], { stdio: 'ignore' }).status !== 0) {
    rmSync(root, { recursive: true, force: true })
    return undefined
  }
  const [logs, filler] = [join(root, 'logs'), join(root, 'filler')]
  let removals = 0
  mkdirSync(logs)
  return {
    address: logs,
    async turn (mode: BackendMode) {
      // Whoever has a file open in it goes on writing to that file, as if the directory had been removed; and what has
      // arrived can still be read.
      if (mode === 'gone') renameSync(logs, join(root, `removed-${++removals}`))
      if (mode === 'full') fill(filler)
      if (mode === 'up') {
        rmSync(filler, { force: true })
        mkdirSync(logs, { recursive: true })
      }
    },
    async arrivals () {
      const arrivals = new Arrivals()
      for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
        if (entry.isFile() && entry.name !== 'filler') for (const line of readFileSync(join(entry.parentPath, entry.name), 'utf8').split('\n')) arrivals.add(messageIn(line))
      }
      return arrivals.times
    },
    async close () {
      spawnSync('umount', ['-l', root], { stdio: 'ignore' })
      rmSync(root, { recursive: true, force: true })
    }
  }
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
