import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { DeadLetter } from 'pino-breaker-fanout'
import type { Test } from 'tap'
import { FilteredSpool } from '#lib/cli/filtered-spool'
import { segmentNameOf } from '#lib/spool/segment'
import { openBackend, type HttpBackend } from './http-backend.js'
import { runProcess, type RunResult } from './run-process.js'

/** No run of the command takes longer. */
export const LIMIT_MS = 60000
const BIN = resolve('dist/esm/lib/cli/bin.js')

/** A line of the app, as far as tests look at it. */
export interface Line { id: number, bad?: boolean, level: number, time: number }

/** A folder with a dead-letter file and a config of one target, and the backend that this posts to. */
export class Scene {
  readonly dir: string
  readonly dead: string
  readonly config: string
  readonly backend: HttpBackend

  private constructor (dir: string, backend: HttpBackend) {
    this.dir = dir
    this.dead = join(dir, 'dead.ndjson')
    this.config = join(dir, 'config.json')
    this.backend = backend
  }

  static async open (t: Test, fields: object = {}): Promise<Scene> {
    const scene = new Scene(t.testdir(), await openBackend(t))
    scene.configure({ targets: [{ ...scene.target('backend'), ...fields }] })
    return scene
  }

  target (name: string, url = this.backend.url): object {
    return {
      name,
      target: resolve('test/fixtures/sink-tells-of-refusals.js'),
      options: { url },
      breaker: { failureThreshold: 2, recoveryTimeoutMs: 100 }
    }
  }

  configure (options: object): void {
    writeFileSync(this.config, JSON.stringify(options))
  }

  /** Refuses requests that have a bad line in them. */
  refuseBad (): void {
    this.backend.answer = (response, { body }) => { response.writeHead(body.includes('"bad":true') ? 400 : 204).end() }
  }

  /** The `id`s of what has been answered by 204, as they arrived. */
  get arrived (): number[] {
    return this.backend.requests.filter(({ body }) => !body.includes('"bad":true')).flatMap(({ body }) => idsOf(body))
  }

  async replay (args: readonly string[] = [], path = this.dead, during?: (child: ChildProcess) => Promise<void>): Promise<RunResult> {
    return await runProcess(process.execPath, [BIN, 'replay', path, '--config', this.config, ...args], { cwd: this.dir, limitMs: LIMIT_MS, ...during && { during } })
  }

  /** A spool that an app has left, with so many lines, in segments of equal length. */
  writeSpool (count: number, { segments = 2, lineFor = lineOf as (id: number) => string } = {}): { folder: string, lines: string[] } {
    const folder = join(this.dir, 'spool', 'backend')
    mkdirSync(folder, { recursive: true })
    const lines = numbers(count).map(id => lineFor(id))
    const length = Math.ceil(count / segments)
    for (let n = 0; n < segments; n++) writeLines(join(folder, segmentNameOf(n + 1)), lines.slice(n * length, (n + 1) * length))
    return { folder, lines }
  }

  get left (): DeadLetter[] {
    return existsSync(this.dead) ? readFileSync(this.dead, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as DeadLetter) : []
  }
}

/** A line as it was logged. */
export function lineOf (id: number, fields: Partial<Line> = {}): string {
  return JSON.stringify({ level: 30, time: Date.UTC(2026, 10, 24, 10) + id, id, ...fields, msg: 'ünïcode "quoted"' })
}

/** The record of a line that was refused. */
export function letterOf (line: string, fields: Partial<DeadLetter> = {}): string {
  return JSON.stringify({ time: 1795488441640, sink: 'backend', reason: 'answered 422', status: 422, attempts: 4, ...fields, line })
}

export function writeLetters (path: string, letters: readonly string[]): void {
  writeLines(path, letters)
}

function writeLines (path: string, lines: readonly string[]): void {
  writeFileSync(path, lines.map(line => `${line}\n`).join(''))
}

/** What waits in a spool, as its app would send it, in order. */
export async function waitingIn (folder: string): Promise<string[]> {
  const lines: string[] = []
  for await (const { text } of (await FilteredSpool.open(folder, { isReadOnly: true })).lines()) lines.push(text)
  return lines
}

/** All that is in a folder, so that it shows whether anything was touched. */
export function stateOf (dir: string): string[] {
  return (readdirSync(dir, { recursive: true, withFileTypes: true })).filter(entry => entry.isFile()).map(({ parentPath, name }) => {
    const path = join(parentPath, name)
    return `${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
  }).sort()
}

export function idsOf (text: string): number[] {
  return text.split('\n').filter(line => line !== '').map(line => (JSON.parse(line) as Line).id)
}

/** The numbers from 0 up to, and without, this one. */
export function numbers (count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

/** Waits for a condition; fails if it does not come to that. */
export async function until (holds: () => boolean): Promise<void> {
  const limit = Date.now() + LIMIT_MS
  while (!holds()) {
    if (Date.now() > limit) throw new Error('it did not come to that')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
