import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AppPlan, RunningApp } from './run-app.js'

/** Something that goes wrong while an app logs to a healthy file and to one more target. */
export interface Incident {
  readonly name: string
  /** Describes the incident in a table. */
  readonly happens: string
  readonly plan: Omit<AppPlan, 'transport'>
  /** Prepares the incident in an empty folder. */
  prepare (dir: string): Scene
}

/** An incident that is prepared. */
export interface Scene {
  /** The target next to the healthy file. */
  readonly target: object
  /** Further options of the target, for pino-breaker-fanout only. */
  readonly policy?: object
  /** The file with the lines of the target at the end. */
  readonly file?: string
  /** The app's stdout. */
  readonly stdout?: number
  /** Runs the incident on an app that has just begun to log. Settles when the incident is over. */
  happen? (app: RunningApp): Promise<void>
  /** Settles when `file` has everything that the app has written, after the app's end. */
  settle? (): Promise<void>
  /** Cleans up. May be called at any time, and repeatedly. */
  release? (): void
}

const BEFORE_MS = 2000
/** Longer than `writeTimeoutMs`. */
const STALL_MS = 15000
const PAUSE_MS = 11000
/** 500 lines a second for 20 s, which gives time before and after the incident. */
const STEADY = { lines: 10000, linesPerTurn: 10, turnMs: 20, padBytes: 200 }
/** 1,500 lines (1.6 MB) a second for 20 s: within 15 s more lines come than a queue holds. */
const FAST = { lines: 30000, linesPerTurn: 30, turnMs: 20, padBytes: 1000 }

export const incidents: readonly Incident[] = [
  { name: 'stalled-stdout', happens: 'the reader of stdout stands still for 15 s', plan: { ...STEADY, awaitsReady: true }, prepare: stalledStdout },
  { name: 'frozen-disk', happens: 'the disk of a second file is frozen for 15 s', plan: { ...STEADY, awaitsReady: true }, prepare: frozenDisk },
  { name: 'frozen-disk-fast', happens: 'the same disk is frozen for 15 s, at 1.6 MB/s, with a queue of 64 MiB', plan: { ...FAST, awaitsReady: true }, prepare: dir => ({ ...frozenDisk(dir), policy: { queue: { maxBytes: 64 * 1024 * 1024 } } }) },
  {
    name: 'paused-app',
    happens: 'the app is stopped twice for 11 s, at 5 MB/s to two files',
    plan: { lines: 30000, linesPerTurn: 50, turnMs: 10, padBytes: 1000, awaitsReady: true },
    prepare: pausedApp
  },
  {
    name: 'burst',
    happens: '60 MB are logged at once; a second sink takes what waits each 5 ms; the app goes on for 8 s',
    plan: { lines: 200000, linesPerTurn: 200000, padBytes: 220, idleMs: 8000, awaitsReady: true },
    prepare: takesBatches
  },
  { name: 'hung-call', happens: 'a sink makes a call that never returns', plan: STEADY, prepare: hungCall },
  { name: 'hung-file', happens: '`pino/file` opens a FIFO that nobody reads', plan: STEADY, prepare: hungFile },
  {
    name: 'small-queue',
    happens: 'a sink takes half a second for each write, with a queue of 100 lines',
    plan: { lines: 1200, linesPerTurn: 60, turnMs: 20, awaitsReady: true },
    prepare: smallQueue
  }
]

function stalledStdout (dir: string): Scene {
  const fifo = makeFifo(dir)
  const file = join(dir, 'stdout.ndjson')
  const reader = spawn('cat', [fifo], { stdio: ['ignore', openSync(file, 'w'), 'ignore'] })
  const isOver = once(reader, 'exit')
  const stdout = openSync(fifo, 'w')
  return {
    target: { target: 'pino/file', options: { destination: 1 } },
    file,
    stdout,
    async happen () {
      await sleep(BEFORE_MS)
      reader.kill('SIGSTOP')
      await sleep(STALL_MS)
      reader.kill('SIGCONT')
    },
    async settle () {
      closeSync(stdout)
      await isOver
    },
    release () { reader.kill('SIGKILL') }
  }
}

/** An ext4 file system in a file. Mounting it requires root. */
function frozenDisk (dir: string): Scene {
  const image = join(dir, 'disk')
  const disk = join(dir, 'mounted')
  mkdirSync(disk)
  run('truncate', '--size=64M', image)
  run('mkfs.ext4', '-q', image)
  run('mount', '-o', 'loop', image, disk)
  let isMounted = true
  let isFrozen = false
  const thaw = (): void => {
    if (isFrozen) run('fsfreeze', '--unfreeze', disk)
    isFrozen = false
  }
  const file = join(disk, 'second.ndjson')
  return {
    target: { target: 'pino/file', options: { destination: file } },
    file,
    async happen () {
      await sleep(BEFORE_MS)
      run('fsfreeze', '--freeze', disk)
      isFrozen = true
      await sleep(STALL_MS)
      thaw()
    },
    release () {
      thaw()
      if (isMounted) run('umount', '--lazy', disk)
      isMounted = false
    }
  }
}

function pausedApp (dir: string): Scene {
  const file = join(dir, 'second.ndjson')
  return {
    target: { target: 'pino/file', options: { destination: file } },
    file,
    async happen (app) {
      for (let n = 0; n < 2; n++) {
        await sleep(BEFORE_MS)
        app.kill('SIGSTOP')
        await sleep(PAUSE_MS)
        app.kill('SIGCONT')
      }
    }
  }
}

function takesBatches (dir: string): Scene {
  const file = join(dir, 'second.ndjson')
  return { target: { target: resolve('test/fixtures/sink-takes-batches.js'), options: { file, ms: 5 } }, file }
}

/** A sink that is restarted soon and often, so that the number of threads would grow if each attempt took one. */
const IMPATIENT = { writeTimeoutMs: 1000, startTimeoutMs: 1000, breaker: { failureThreshold: 2, recoveryTimeoutMs: 1000 } }

function hungCall (dir: string): Scene {
  return { target: { target: resolve('test/fixtures/sink-never-returns.js'), options: { fifo: makeFifo(dir) } }, policy: IMPATIENT }
}

function hungFile (dir: string): Scene {
  return { target: { target: 'pino/file', options: { destination: makeFifo(dir) } }, policy: IMPATIENT }
}

function smallQueue (dir: string): Scene {
  const file = join(dir, 'second.ndjson')
  return {
    target: { target: resolve('test/fixtures/sink-takes-its-time.js'), options: { file, ms: 500 } },
    policy: { queue: { maxLines: 100, overflow: 'block' } },
    file
  }
}

function makeFifo (dir: string): string {
  const fifo = join(dir, 'fifo')
  run('mkfifo', fifo)
  return fifo
}

function run (command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
