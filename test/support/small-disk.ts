import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/**
 * A file on a disk that is full after so many bytes: a small tmpfs where one may be mounted, else `/dev/full`, which is full
 * from the beginning.
 */
export function fileOnSmallDisk (t: Test, kilobytes: number): string {
  const dir = mkdtempSync(join(tmpdir(), 'small-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', dir], { stdio: 'ignore' })
  } catch {
    rmdirSync(dir)
    return '/dev/full'
  }
  t.teardown(() => {
    execFileSync('umount', ['--lazy', dir])
    rmdirSync(dir)
  })
  return join(dir, 'dead.ndjson')
}
