// What only a process of its own contains, and that nothing of such a process is left behind.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCase, type CaseOptions } from '../support/case-app.js'
import { until } from '../support/fanout-rig.js'
import { childrenOf, isRunning } from '../support/sink-processes.js'

t.setTimeout(300000)
const needed = { skip: process.platform !== 'linux' && 'processes are found in /proc' }
const LIMIT_MS = 60000

/** Writes its lines to `to`, and tells in the file `stuck` that it is about to do `does` with the third batch. */
const sink = (does: string): string => `
  const fs = require('node:fs')
  const { Writable } = require('node:stream')
  module.exports = ({ to }) => {
    let batches = 0
    return new Writable({
      write (chunk, encoding, done) {
        fs.appendFileSync(to, chunk)
        if (++batches >= 3 && !fs.existsSync('healed')) {
          fs.writeFileSync('stuck', '')
          ${does}
        }
        done()
      }
    })
  }`
const sinks = {
  'idle.cjs': sink(''),
  'loops.cjs': sink('for (;;);'),
  'hangs.cjs': sink('if (!fs.existsSync("fifo")) require("node:child_process").execFileSync("mkfifo", ["fifo"]); fs.openSync("fifo", "w")'),
  'hoards.cjs': sink('const hoard = []; for (;;) hoard.push(Buffer.alloc(1024 * 1024, 1))'),
  'crashes.cjs': sink('process.kill(process.pid, "SIGSEGV")'),
  'scribbles.cjs': sink('fs.writeSync(3, "not a report\\n".repeat(10))'),
  'closes-its-pipe.cjs': sink('fs.closeSync(3)'),
  'tells-much.cjs': sink('console.log("x".repeat(2e7)); require("node:worker_threads").parentPort.postMessage({ code: "EVENT", name: "much", args: ["x".repeat(2e7)] }); fs.writeFileSync("healed", "")')
}
type SinkName = keyof typeof sinks

const file = { name: 'file', target: 'pino/file', options: { destination: 'DIR/file.log' } }
const inProcess = (name: SinkName, more: object = {}): object => ({ name: 'sink', target: `DIR/${name}`, options: { to: 'DIR/sink.log' }, isolation: 'process', ...more })
const impatient = { writeTimeoutMs: 500, breaker: { failureThreshold: 1, recoveryTimeoutMs: 300 } }

/** Logs a numbered line each few ms until a condition, which is an expression. */
const LOG = `
  await ready
  const snapshots = []
  const sinkNow = () => snapshots.at(-1)?.sinks[1]
  transport.on('metrics', snapshot => { snapshots.push(snapshot) })
  let n = 0
  const logUntil = async condition => { while (!condition()) { log.info({ n: n++ }); await sleep(3) } }
  const until = async condition => { while (!condition()) await sleep(10) }
  const isConserved = ({ linesReceived, linesDelivered, linesSkipped, linesDropped, linesFallback, linesDeadLettered, queueLines, unsettledLines, spoolLines }) =>
    linesReceived === linesDelivered + linesSkipped + Object.values(linesDropped).reduce((a, b) => a + b, 0) + linesFallback + linesDeadLettered + queueLines + unsettledLines + spoolLines
  const result = () => ({ n, isConserved: snapshots.every(({ sinks }) => sinks.every(isConserved)), failures: sinkNow().failures, restarts: sinkNow().restarts, fileFails: snapshots.at(-1).sinks[0].failures })
`
const END = `
  await until(() => snapshots.at(-1).sinks.every(({ queueLines, unsettledLines }) => queueLines + unsettledLines === 0))
  tell(result())
  process.exit(0)`

async function run (t: Test, name: SinkName, source: string, { target = {}, ...options }: CaseOptions & { target?: object } = {}): ReturnType<typeof runCase> {
  return await runCase(t, { metricsIntervalMs: 20, closeTimeoutMs: 2000, ...impatient, targets: [file, inProcess(name, target)] }, LOG + source, { files: sinks, ...options })
}

const faults: ReadonlyArray<{ name: SinkName, does: string, reason: string, message: RegExp, target?: object }> = [
  { name: 'crashes.cjs', does: 'crashes in native code', reason: 'process-exit', message: /was ended by SIGSEGV/ },
  { name: 'hangs.cjs', does: 'makes a call that never returns', reason: 'write-timeout', message: /did not accept a batch/ },
  { name: 'loops.cjs', does: 'runs into an endless loop', reason: 'write-timeout', message: /did not accept a batch/ },
  { name: 'hoards.cjs', does: 'takes memory outside the heap', reason: 'out-of-memory', message: /its process has \d+ MB resident, more than the allowed 150 MB/, target: { worker: { maxRssMb: 150 }, writeTimeoutMs: 60000 } },
  { name: 'scribbles.cjs', does: 'writes to the pipe of its process', reason: 'stream-error', message: /something in its process wrote to the pipe/ },
  { name: 'closes-its-pipe.cjs', does: 'closes the pipe of its process', reason: 'process-exit', message: /process of the sink/, target: { writeTimeoutMs: 60000 } }
]

for (const { name, does, reason, message, target = {} } of faults) {
  t.test(`a sink that ${does} fails alone, and gets what it missed once it is well`, needed, async t => {
    const { told, result, missing } = await run(t, name, `
      await logUntil(() => sinkNow()?.state === 'open')
      const err = sinkNow().lastError
      fs.writeFileSync('healed', '')
      await logUntil(() => sinkNow().state === 'closed')
      ${END.replace('result()', '{ ...result(), err }')}`, { target })
    t.equal(result.code, 0, result.stderr)
    const [{ n, isConserved, failures, fileFails, err } = {}] = told
    t.strictSame({ isConserved, fileFails }, { isConserved: true, fileFails: {} })
    t.ok(((failures as Record<string, number>)[reason] ?? 0) >= 1, JSON.stringify(failures))
    t.match((err as { message: string }).message, message)
    for (const log of ['file.log', 'sink.log']) t.equal(missing(log, n as number), 0, log)
  })
}

for (const [name, does] of [['idle.cjs', 'idle'], ['loops.cjs', 'in an endless loop'], ['hangs.cjs', 'in a call that never returns']] as const) {
  t.test(`the process of a sink ends with the app that is killed, ${does}`, needed, async t => {
    let sinks: number[] = []
    const { result } = await run(t, name, 'await logUntil(() => false)', {
      target: { writeTimeoutMs: 60000 },
      during: async app => {
        const dir = t.testdirName
        await until(() => existsSync(join(dir, 'stuck')), 'the sink', LIMIT_MS)
        sinks = childrenOf(app.pid)
        t.equal(sinks.length, 1)
        app.kill('SIGKILL')
        await until(() => !sinks.some(isRunning), 'the process of the sink to end', LIMIT_MS)
      }
    })
    t.equal(result.signal, 'SIGKILL')
  })

  t.test(`process.exit() ends the process of a sink that is ${does}, and waits for it no longer than it may`, needed, async t => {
    let sinks: number[] = []
    const { result, told } = await run(t, name, `
      await logUntil(() => fs.existsSync('stuck'))
      tell({ exits: Date.now() })
      await until(() => fs.existsSync('seen'))
      process.exit(0)`, {
      target: { writeTimeoutMs: 60000 },
      during: async app => {
        await until(() => existsSync(join(t.testdirName, 'stuck')), 'the sink', LIMIT_MS)
        sinks = childrenOf(app.pid)
        writeFileSync(join(t.testdirName, 'seen'), '')
      }
    })
    t.equal(sinks.length, 1)
    t.equal(result.code, 0, result.stderr)
    t.equal(told.length, 1)
    t.notMatch(result.stderr, /holds the process/)
    await until(() => !sinks.some(isRunning), 'the process of the sink to end', LIMIT_MS)
  })
}

t.test('signals that reach all processes of a terminal or a service leave a sink to its app', needed, async t => {
  const { told, result, missing } = await run(t, 'idle.cjs', `
    const got = []
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR2', 'SIGTERM']) process.on(signal, () => { got.push(signal) })
    await logUntil(() => sinkNow()?.linesDelivered > 0)
    fs.writeFileSync('logs', '')
    await logUntil(() => got.length === 4)
    const then = n + 20
    await logUntil(() => n >= then)
    ${END}`, {
    shell: app => `exec setsid ${app}`,
    during: async app => {
      await until(() => existsSync(join(t.testdirName, 'logs')), 'the app to log', LIMIT_MS)
      for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR2', 'SIGTERM'] as const) process.kill(-(app.pid as number), signal)
    }
  })
  t.equal(result.code, 0, result.stderr)
  t.match(told, [{ restarts: 0, failures: {}, isConserved: true }])
  t.equal(missing('sink.log', (told[0] as { n: number }).n), 0)
})

t.test('a process that is stopped is a failing sink, and its lines come later', needed, async t => {
  let stopped = 0
  const { told, result, missing } = await run(t, 'idle.cjs', `
    await logUntil(() => sinkNow()?.linesDelivered > 0)
    fs.writeFileSync('logs', '')
    await logUntil(() => sinkNow().state === 'open')
    await logUntil(() => sinkNow().state === 'closed')
    ${END}`, {
    during: async app => {
      await until(() => existsSync(join(t.testdirName, 'logs')), 'the app to log', LIMIT_MS)
      stopped = childrenOf(app.pid)[0] as number
      process.kill(stopped, 'SIGSTOP')
      await until(() => !isRunning(stopped), 'the stopped process to be replaced', LIMIT_MS)
    }
  })
  t.equal(result.code, 0, result.stderr)
  t.match(told, [{ fileFails: {}, isConserved: true }])
  for (const log of ['file.log', 'sink.log']) t.equal(missing(log, (told[0] as { n: number }).n), 0, log)
})

t.test('100,000 lines arrive in order while the process of their sink is killed again and again, and nothing of it is left', needed, async t => {
  const KILLS = 8
  let [fdsBefore, fdsAfter, most, killed] = [0, 0, 0, 0]
  const { told, result, missing, dir } = await run(t, 'idle.cjs', `
    await logUntil(() => sinkNow()?.linesDelivered > 0)
    fs.writeFileSync('logs', '')
    while (n < 100000 || !fs.existsSync('killed')) {
      for (let i = 0; i < 100; i++) log.info({ n: n++ })
      await sleep(3)
    }
    await until(() => fs.existsSync('counted'))
    ${END}`, {
    target: { queue: { maxLines: 1000000, maxBytes: 256 * 1024 * 1024 }, breaker: { failureThreshold: 5, recoveryTimeoutMs: 100 }, writeTimeoutMs: 60000 },
    during: async app => {
      const path = (name: string): string => join(t.testdirName, name)
      const fds = (): number => readdirSync(`/proc/${app.pid}/fd`).length
      const size = (): number => readFileSync(path('sink.log')).length
      await until(() => existsSync(path('logs')), 'the app to log', LIMIT_MS)
      fdsBefore = fds()
      for (; killed < KILLS; killed++) {
        const before = size()
        await until(() => size() > before && childrenOf(app.pid).length > 0, 'lines to arrive', LIMIT_MS)
        const children = childrenOf(app.pid)
        most = Math.max(most, children.length)
        for (const pid of children) process.kill(pid, 'SIGKILL')
        await until(() => !children.some(isRunning), 'the process to end', LIMIT_MS)
      }
      const before = size()
      await until(() => size() > before, 'lines to arrive', LIMIT_MS)
      fdsAfter = fds()
      writeFileSync(path('killed'), '')
      writeFileSync(path('counted'), '')
    }
  })
  t.equal(result.code, 0, result.stderr)
  const [{ n, restarts, isConserved } = {}] = told
  t.ok(n as number >= 100000)
  t.equal(restarts, KILLS)
  t.equal(isConserved, true)
  t.equal(most, 1, 'there is one process at a time')
  t.ok(fdsAfter <= fdsBefore + 1, `${fdsBefore} descriptors before, ${fdsAfter} after`)
  t.equal(missing('sink.log', n as number), 0)
  let next = 0
  const seen = new Set<number>()
  for (const [, found] of readFileSync(join(dir, 'sink.log'), 'utf8').matchAll(/"n":(\d+)/g)) {
    if (seen.has(Number(found))) continue
    seen.add(Number(found))
    if (Number(found) !== next++) return t.fail(`line ${found} is out of order`)
  }
})

t.test('a preloaded module with a logger of its own starts no processes without end', needed, async t => {
  let most = 0
  const { result } = await run(t, 'idle.cjs', `
    await logUntil(() => sinkNow()?.linesDelivered > 0)
    await until(() => fs.existsSync('refused'))
    process.exit(0)`, {
    files: {
      ...sinks,
      'preload.cjs': `
        const { workerData, isMainThread } = require('node:worker_threads')
        if (isMainThread) {
          const fs = require('node:fs')
          const { pino } = require(${JSON.stringify(require_('pino'))})
          const transport = pino.transport({ target: 'pino-breaker-fanout', options: {
            breaker: { failureThreshold: 2 }, diagnostics: { to: ['file'] },
            targets: [{ name: 'file', target: 'pino/file', options: { destination: 'preload-' + process.pid + '.log' } }, { name: 'x', target: 'pino/file', options: { destination: 'x.log' }, isolation: 'process' }]
          } })
          transport.on('close', () => { if (process.env.PINO_FANOUT_SINK_PROCESS !== undefined) fs.writeFileSync('refused', '') })
          pino(transport).info('from a preloaded module')
        }`
    },
    shell: app => `NODE_OPTIONS="--require ./preload.cjs" ${app}`,
    during: async app => {
      await until(() => {
        most = Math.max(most, descendantsOf(app.pid as number).length)
        return existsSync(join(t.testdirName, 'refused'))
      }, 'its logger in a process of a sink to be ended', LIMIT_MS)
    }
  })
  t.equal(result.code, 0, result.stderr)
  // The app's own sink, that of the module in the app, and perhaps the app below its shell.
  t.ok(most <= 3, `${most} processes`)
  t.equal(readdirSync(t.testdirName).filter(name => /^preload-\d+\.log$/.test(name)).length, 1, 'nor does it open files in the processes of sinks')
})

t.test('where no processes may be started, the sink fails to start and says why', needed, async t => {
  const { told, result, missing } = await run(t, 'idle.cjs', `
    await logUntil(() => sinkNow()?.state === 'open')
    tell({ n, failures: Object.keys(sinkNow().failures), err: sinkNow().lastError })
    process.exit(0)`, {
    shell: app => `exec ${app.replace(' app.mjs', ` ${permission()} --allow-worker --allow-fs-read=/ --allow-fs-write=/ app.mjs`)}`
  })
  t.equal(result.code, 0, result.stderr)
  t.match(told, [{ failures: ['start-failed'], err: { code: 'ERR_FANOUT_SINK_START', cause: { code: 'ERR_ACCESS_DENIED' } } }])
  t.equal(missing('file.log', (told[0] as { n: number }).n), 0)
})

function require_ (name: string): string {
  return new URL(import.meta.resolve(name)).pathname
}

function permission (): string {
  return Number.parseInt(process.versions.node) < 24 ? '--experimental-permission' : '--permission'
}

function descendantsOf (pid: number): number[] {
  return childrenOf(pid).flatMap(child => [child, ...descendantsOf(child)])
}

t.test('a sink that prints 20 MB at once, and posts an event of as much, has not failed', needed, async t => {
  const { told, result } = await run(t, 'tells-much.cjs', `await logUntil(() => fs.existsSync('healed'))${END}`, { target: { writeTimeoutMs: 60000 } })
  t.match(told, [{ isConserved: true, failures: {}, restarts: 0 }])
  t.equal(result.code, 0, result.stderr)
})
