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

/** Limit of a run of the command. */
export const LIMIT_MS = 60000
const BIN = resolve('dist/cjs/cli.cjs')

/** The fields of an app's line that tests read. */
export interface Line { id: number, bad?: boolean, level: number, time: number }

/** A folder with a dead-letter file and a config of one target, and the backend to which that target posts. */
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

  /** Makes the backend refuse requests that have a bad line. */
  refuseBad (): void {
    this.backend.answer = (response, { body }) => { response.writeHead(body.includes('"bad":true') ? 400 : 204).end() }
  }

  /** The `id`s of the lines that were answered with 204, in the order of their arrival. */
  get arrived (): number[] {
    return this.backend.requests.filter(({ body }) => !body.includes('"bad":true')).flatMap(({ body }) => idsOf(body))
  }

  async replay (args: readonly string[] = [], path = this.dead, during?: (child: ChildProcess) => Promise<void>): Promise<RunResult> {
    return await runProcess(process.execPath, [BIN, 'replay', path, '--config', this.config, ...args], { cwd: this.dir, limitMs: LIMIT_MS, ...during && { during } })
  }

  /** Creates a spool that an app has left, in segments of equal length. */
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

/** A logged line. */
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

/** The waiting lines of a spool, in the order in which its app would send them. */
export async function waitingIn (folder: string): Promise<string[]> {
  const lines: string[] = []
  for await (const { text } of (await FilteredSpool.open(folder, { isReadOnly: true })).lines()) lines.push(text)
  return lines
}

/** The contents of a folder, to see whether anything was changed. */
export function stateOf (dir: string): string[] {
  return (readdirSync(dir, { recursive: true, withFileTypes: true })).filter(entry => entry.isFile()).map(({ parentPath, name }) => {
    const path = join(parentPath, name)
    return `${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
  }).sort()
}

export function idsOf (text: string): number[] {
  return text.split('\n').filter(line => line !== '').map(line => (JSON.parse(line) as Line).id)
}

/** The numbers from 0 to `count - 1`. */
export function numbers (count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

/** Waits for a condition. Fails if it does not hold in time. */
export async function until (holds: () => boolean): Promise<void> {
  const limit = Date.now() + LIMIT_MS
  while (!holds()) {
    if (Date.now() > limit) throw new Error('the condition did not hold in time')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
