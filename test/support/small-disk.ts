import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A folder on a disk of its own with a size in KiB; `undefined` if it may not be mounted. */
export function mountSmallDisk (t: Test, kilobytes: number): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'small-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', dir], { stdio: 'ignore' })
  } catch {
    rmdirSync(dir)
    return undefined
  }
  t.teardown(() => {
    execFileSync('umount', ['--lazy', dir])
    rmdirSync(dir)
  })
  return dir
}

/**
 * A file on a disk with a size in KiB: a small tmpfs if that may be mounted, else `/dev/full`, which is full from the
 * beginning.
 */
export function fileOnSmallDisk (t: Test, kilobytes: number): string {
  const dir = mountSmallDisk(t, kilobytes)
  return dir === undefined ? '/dev/full' : join(dir, 'dead.ndjson')
}
