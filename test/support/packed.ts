import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Packs the package as it is built, and installs it into a folder of modules. */
export function installPackage (modules: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'fanout-packed-'))
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder])
  const own = join(modules, 'pino-breaker-fanout')
  rmSync(own, { recursive: true, force: true })
  mkdirSync(own, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, readdirSync(folder)[0] as string), '--strip-components=1', '-C', own])
  rmSync(folder, { recursive: true })
}
