import type { ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { runProcess, type RunResult } from './run-process.js'

const LIMIT_MS = 90000

/** The app of a test case, in its own folder. */
export interface CaseApp {
  /** The app's folder. */
  dir: string
  /** The values that the app has passed to `tell(…)`, oldest first. */
  told: Array<Record<string, unknown>>
  result: RunResult
  /** How many of the numbers from 0 to `count - 1` are missing in a file of the folder. */
  missing (file: string, count: number): number
}

/**
 * Runs an app that logs, until it ends or a high limit is reached. `source` is the rest of its module, after the definition
 * of `log`, `transport` and `tell`. `options` are those of the transport.
 */
export async function runCase (t: Test, options: unknown, source: string, { files = {}, during, shell, env }: CaseOptions = {}): Promise<CaseApp> {
  const dir = t.testdir({})
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  writeFileSync(join(dir, 'app.mjs'), `
    import fs from 'node:fs'
    import { setTimeout as sleep } from 'node:timers/promises'
    import { pino } from 'pino'
    const transport = pino.transport({ target: 'pino-breaker-fanout', options: ${JSON.stringify(options).replaceAll('"DIR/', '"' + dir + '/')} })
    const tell = message => fs.appendFileSync('told', JSON.stringify(message) + '\\n')
    transport.on('error', error => tell({ error: error.message }))
    const log = pino({ base: null }, transport)
    setTimeout(() => process.exit(3), 60000).unref()
    const ready = new Promise(resolve => transport.once('ready', resolve))
    ${source}`)
  const [command, args] = shell === undefined ? [process.execPath, ['app.mjs']] : ['bash', ['-c', shell(JSON.stringify(process.execPath) + ' app.mjs')]]
  const result = await runProcess(command as string, args as string[], { cwd: dir, limitMs: LIMIT_MS, ...during && { during }, ...env && { env } })
  const read = (file: string): string => existsSync(join(dir, file)) ? readFileSync(join(dir, file), 'utf8') : ''
  return {
    dir,
    told: read('told').split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Record<string, unknown>),
    result,
    missing (file, count) {
      const found = new Set([...read(file).matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n)))
      return Array.from({ length: count }, (_, n) => n).filter(n => !found.has(n)).length
    }
  }
}

/** Further settings of a case. */
export interface CaseOptions {
  /** Further files of the folder, by name. */
  files?: Record<string, string>
  /** Runs at the same time as the app. */
  during?: (child: ChildProcess) => Promise<void>
  /** Turns the command of the app into a shell command. */
  shell?: (app: string) => string
  env?: NodeJS.ProcessEnv
}
