import { createRequire } from 'node:module'
import { parentPort, threadId } from 'node:worker_threads'
import type ThreadStream from 'thread-stream'
import { isSinkProcess } from './child/process-flags.js'
import { FanoutError } from './errors.js'
import { transportUrl } from './transport-url.js'

/** The event by which a transport tells the thread that has made it of itself. */
const HELLO = 'pino-breaker-fanout:hello'
/** How often it does so: the other thread may not listen yet. */
const HELLO_MS = 50
/** How long a transport in doubt waits for a verdict before it opens any file. The app's own transport gets none. */
const DOUBT_MS = 1000
/** How long it still tells of itself, for a thread that was busy. */
const LATE_MS = 10000
/** The first worker thread of a process can only have been started by the main thread. */
const FIRST_THREAD = 1
/** The verdicts, in memory that both threads share; 0 while there is none. */
const LEAVE = 1
const STAY = 2
const PRELOAD_FLAG = /(?:^|\s)((?:-r|--require|--import)(?:=|\s+)(?:"(?:[^"\\]|\\.)*"|\S+))/g

let firstEnd: Promise<FanoutError> | undefined

/**
 * Ends transports that a preloaded module makes in this thread, which is one of a transport. Each worker thread loads the modules of
 * `NODE_OPTIONS=-r …` again, before its own script. If such a module makes a logger, the thread of that logger loads it again, and so
 * on without end.
 *
 * No mark can tell the next thread where it comes from: it is started before any code of ours runs in this one. So the next one tells
 * of itself, by what pino's ThreadStream emits in this thread. It does so only if its own preloaded modules have made a transport too.
 *
 * @param options.alwaysEnds - True in the main thread of a sink's process, where a logger serves nobody even if it starts no others
 * @returns An error that says so, once the first of them has been ended
 */
export async function endPreloadedTransports ({ alwaysEnds = false } = {}): Promise<FanoutError> {
  return await (firstEnd ??= new Promise(resolve => judge(alwaysEnds, () => resolve(recursionError()))))
}

function judge (alwaysEnds: boolean, onEnd: () => void): void {
  for (const { prototype } of threadStreams()) {
    const { emit } = prototype
    prototype.emit = function (this: ThreadStream, ...args: unknown[]): boolean {
      const [name, memory, isRecursing] = args
      if (name !== HELLO || !(memory instanceof SharedArrayBuffer)) return Reflect.apply(emit, this, args) as boolean
      const ends = alwaysEnds || isRecursing === true
      // Whoever logs to it later gets an error, which must not end this thread.
      if (ends && this.listenerCount('error') === 0) this.on('error', () => {})
      Atomics.store(new Int32Array(memory), 0, ends ? LEAVE : STAY)
      if (ends) onEnd()
      return true
    }
  }
}

/**
 * Ends this thread if a preloaded module has made its transport within the thread of another transport. Resolves once this is known,
 * or after a second. The thread ends as if it had nothing to do, so that no error comes up in the other one.
 */
export async function leaveIfPreloaded (): Promise<void> {
  const isRecursing = isPreloadRecursing()
  if (transportUrl() === undefined || !(isRecursing || isSinkProcess())) return
  const memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  const patienceMs = threadId === FIRST_THREAD && !isSinkProcess() ? 0 : DOUBT_MS
  const begin = performance.now()
  await new Promise<void>(resolve => {
    const tell = (): void => {
      const verdict = Atomics.load(new Int32Array(memory), 0)
      const waited = performance.now() - begin
      if (verdict === LEAVE) leave()
      if (verdict === STAY || waited >= patienceMs) resolve()
      if (verdict === STAY || waited > LATE_MS) clearInterval(timer)
      else parentPort?.postMessage({ code: 'EVENT', name: HELLO, args: [memory, isRecursing] })
    }
    const timer = setInterval(tell, HELLO_MS).unref()
    tell()
  })
}

/** Shows an error in the app as a warning of the process. */
export function warnApp (error: FanoutError): void {
  parentPort?.postMessage({ code: 'WARNING', err: error })
}

/** True if modules are preloaded here, and have made a stream that waits for the exit, as pino's transports do. */
function isPreloadRecursing (): boolean {
  // Thread-stream itself has one listener in the thread of a transport.
  return process.listenerCount('exit') > 1 && preloadFlags().length > 0 && threadStreams().length > 0
}

function leave (): never {
  // Such a listener may wait for a transport that is started by this one's preloaded modules.
  process.removeAllListeners('exit')
  process.exit(0)
}

/** The class of each thread-stream that has been loaded in this thread. pino and the app may each have one. */
function threadStreams (): Array<typeof ThreadStream> {
  // The cache is that of the thread, whatever path it is asked for with.
  return Object.entries(createRequire(process.execPath).cache)
    .filter(([path]) => /[\\/]thread-stream[\\/]index\.js$/.test(path))
    .map(([, loaded]) => loaded?.exports as typeof ThreadStream)
    .filter(found => typeof found === 'function')
}

function preloadFlags (): string[] {
  return [process.env['NODE_OPTIONS'] ?? '', process.execArgv.join(' ')].flatMap(flags => [...flags.matchAll(PRELOAD_FLAG)].map(([, flag]) => flag as string))
}

function recursionError (): FanoutError {
  return new FanoutError('ERR_FANOUT_PRELOAD', `a preloaded module (${preloadFlags().join(' ')}) makes a logger in each thread, also in the thread of that logger's transport, which would start threads without end. Transports in threads of transports have been ended, and the app's goes on. Make the logger only if isMainThread of node:worker_threads is true`)
}
