import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { until } from '../support/fanout-rig.js'
import { spawnAsUser } from '../support/spawn-as-user.js'
import { BIN, fileTarget, LIMIT_MS, numbered, numbersIn, startRun } from '../support/run-command.js'

t.setTimeout(2 * LIMIT_MS)

const THREE_FILES = { targets: ['trace', 'info', 'error'].map(level => fileTarget(level, { level })) }
const LEVELS = [30, 20, 50, 30]
const fixture = (name: string): string => resolve('test/fixtures', `${name}.js`)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

t.test('lines go to three files by their level, all of them and in order, and nothing is told', async t => {
  const dir = t.testdir({})
  const count = 100000
  const { code, stdout, stderr } = await startRun(t, dir, THREE_FILES).send(upTo(count).map(n => numbered(n, LEVELS[n % 4])))
  t.same({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' })
  for (const [name, level] of [['trace', 10], ['info', 30], ['error', 50]] as const) {
    const expected = upTo(count).filter(n => (LEVELS[n % 4] as number) >= level)
    t.equal(numbersIn(join(dir, `${name}.log`)).join(), expected.join(), name)
  }
})

t.test('a last line that its app had no time to end arrives, as a whole line', async t => {
  const dir = t.testdir({})
  const { code } = await startRun(t, dir, { targets: [fileTarget('file')] }).send([numbered(0), numbered(1).trimEnd()])
  t.equal(code, 0)
  t.same(numbersIn(join(dir, 'file.log')), [0, 1])
})

t.test('an input without a line is no fault', async t => {
  const { code, stderr } = await startRun(t, t.testdir({}), { targets: [fileTarget('file')] }).send([])
  t.same({ code, stderr }, { code: 0, stderr: '' })
})

t.test('a file as the input is read to its end', async t => {
  const dir = t.testdir({ lines: upTo(50000).map(n => numbered(n)).join(''), 'fanout.json': JSON.stringify({ targets: [fileTarget('file')] }) })
  const input = openSync(join(dir, 'lines'), 'r')
  const child = spawnAsUser(process.execPath, [BIN, 'run', '--config', 'fanout.json'], { cwd: dir, stdio: [input, 'ignore', 'ignore'] })
  const [code] = await once(child, 'close') as [number]
  closeSync(input)
  t.equal(code, 0)
  t.equal(numbersIn(join(dir, 'file.log')).join(), upTo(50000).join())
})

t.test('a target may have stdout: only lines are there', async t => {
  const { code, stdout } = await startRun(t, t.testdir({}), { target: 'pino/file', options: { destination: 1 } }).send([numbered(0), numbered(1)])
  t.equal(code, 0)
  t.equal(stdout, numbered(0) + numbered(1))
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`after ${signal} what was read is delivered, whole lines in order, and the code tells whether something is left`, async t => {
    const dir = t.testdir({})
    const run = startRun(t, dir, { targets: [fileTarget('file')] })
    let sent = 0
    const source = Readable.from((function * () { for (;;) yield numbered(sent++) })())
    source.pipe(run.stdin)
    const path = join(dir, 'file.log')
    await until(() => existsSync(path) && readFileSync(path).length > 100000, 'some lines', LIMIT_MS)
    run.child.kill(signal)
    const { code, stderr } = await run.result
    source.destroy()
    t.match(stderr, `${signal}: ending once the lines that were read have arrived`)
    // The app may just have had nothing in the pipe.
    t.equal(code, stderr.includes('stopped before the end of the input') ? 1 : 0)
    const arrived = numbersIn(path)
    t.ok(arrived.length > 1000)
    t.equal(arrived.join(), upTo(arrived.length).join())
  })
}

t.test('after a signal, an app that has said all it had to say has lost nothing', async t => {
  const dir = t.testdir({})
  const run = startRun(t, dir, { targets: [fileTarget('file')] })
  run.stdin.write(numbered(0))
  await until(() => existsSync(join(dir, 'file.log')), 'a line')
  run.child.kill('SIGTERM')
  await until(() => run.stderr.includes('SIGTERM'), 'the signal')
  // It got the signal too, and takes its leave.
  run.stdin.write(numbered(1))
  const { code } = await run.result
  t.equal(code, 0)
  t.same(numbersIn(join(dir, 'file.log')), [0, 1])
})

t.test('a second signal ends it at once', async t => {
  const dir = t.testdir({})
  const run = startRun(t, dir, { targets: [fileTarget('file'), { name: 'hangs', target: fixture('sink-never-calls-back') }], closeTimeoutMs: 9000 })
  run.stdin.write(numbered(0))
  await until(() => existsSync(join(dir, 'file.log')), 'a line')
  run.child.kill('SIGTERM')
  await until(() => run.stderr.includes('SIGTERM'), 'the signal')
  run.child.kill('SIGTERM')
  const { code, signal, stderr } = await run.result
  t.same({ code, signal }, { code: 1, signal: null })
  t.notMatch(stderr, 'lost', 'it has not waited for its end')
})

t.test('SIGHUP reopens files, after a rotation has renamed them', async t => {
  const dir = t.testdir({})
  const path = join(dir, 'file.log')
  const run = startRun(t, dir, { targets: [fileTarget('file')] })
  run.stdin.write(numbered(0))
  await until(() => numbersIn(path).length === 1, 'the first line')
  renameSync(path, `${path}.1`)
  run.child.kill('SIGHUP')
  await until(() => run.stderr.includes('SIGHUP: reopened file'), 'the file to be reopened')
  run.stdin.end(numbered(1))
  t.equal((await run.result).code, 0)
  t.same(numbersIn(`${path}.1`), [0])
  t.same(numbersIn(path), [1])
})

t.test('a target that is down is told, line by line, and what it loses makes the code 1', async t => {
  const dir = t.testdir({})
  const run = startRun(t, dir, { targets: [fileTarget('file'), { name: 'down', target: fixture('sink-factory-throws'), whenOpen: 'skip', breaker: { failureThreshold: 1 } }] })
  run.stdin.write(numbered(0))
  await until(() => run.stderr.includes('closed -> open'), 'the breaker to open')
  run.stdin.end(numbered(1))
  const { code, stderr } = await run.result
  t.equal(code, 1)
  t.match(stderr, /^\d{4}-\d\d-\d\dT[\d:.]+Z pino-breaker-fanout: down: closed -> open, start-failed; .+; probes in 30 s\n/)
  // The breaker opens by the start, which the first line may not have been in time for.
  t.match(stderr, /\npino-breaker-fanout: down: 2 lines lost: (?:.*skipped 1|skipped 2)\n$/)
  t.notMatch(stderr, '\u001B', 'what is no terminal gets plain text')
  const lines = readFileSync(join(dir, 'file.log'), 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as { n?: number, msg: string })
  t.same(lines.flatMap(({ n }) => n ?? []), [0, 1])
  t.ok(lines.some(({ msg }) => msg === 'sink circuit open'), 'diagnostic records go where the config says')
})

t.test('lines in a spool are safe, so the code is 0', async t => {
  const run = startRun(t, t.testdir({}), { targets: [{ name: 'down', target: fixture('sink-factory-throws'), whenOpen: 'spool', spool: { dir: 'spool' }, breaker: { failureThreshold: 1 } }] })
  run.stdin.write(numbered(0))
  await until(() => run.stderr.includes('closed -> open'), 'the breaker to open')
  run.stdin.end(numbered(1))
  const { code, stderr } = await run.result
  t.equal(code, 0, stderr)
  t.match(stderr, 'down: 2 lines in its spool, for the next run\n')
})

t.test('a quiet run tells only what it has lost', async t => {
  const { code, stderr } = await startRun(t, t.testdir({}), { targets: [{ name: 'down', target: fixture('sink-factory-throws'), breaker: { failureThreshold: 1 } }], closeTimeoutMs: 300 }, ['--quiet']).send([numbered(0)])
  t.equal(code, 1)
  t.match(stderr, /^(?:\{.*\}\n)*down: 1 line lost: closed 1\n$/)
})

t.test('a sink that runs inline and throws where nobody catches it ends nothing else', async t => {
  const dir = t.testdir({})
  const config = { targets: [fileTarget('file'), { name: 'throws', target: fixture('sink-uncaught-exception'), options: { afterLines: 1 }, isolation: 'inline', breaker: { failureThreshold: 1 } }], diagnostics: false, closeTimeoutMs: 500 }
  const run = startRun(t, dir, config)
  run.stdin.write(numbered(0))
  await until(() => run.stderr.includes('closed -> open, thread-exit; an uncaught exception'), 'the sink to fail')
  run.stdin.write(numbered(1))
  await until(() => numbersIn(join(dir, 'file.log')).length === 2, 'the lines in the file', LIMIT_MS)
  run.stdin.end()
  t.equal((await run.result).signal, null)
  t.same(numbersIn(join(dir, 'file.log')), [0, 1])
})

t.test('with its stderr closed it delivers as before', async t => {
  const dir = t.testdir({})
  const run = startRun(t, dir, { targets: [fileTarget('file'), { name: 'down', target: fixture('sink-factory-throws'), breaker: { failureThreshold: 1 }, whenOpen: 'skip' }], diagnostics: false })
  run.child.stderr?.destroy()
  await run.send(upTo(20000).map(n => numbered(n)))
  t.equal(numbersIn(join(dir, 'file.log')).length, 20000)
  t.equal(run.child.signalCode, null)
})

t.test('with its stdout closed, the other targets get their lines', async t => {
  const dir = t.testdir({})
  const run = startRun(t, dir, { targets: [fileTarget('file'), { name: 'out', target: 'pino/file', options: { destination: 1 } }], diagnostics: false, closeTimeoutMs: 500 }, [], { keepsStdout: false })
  run.child.stdout?.destroy()
  const path = join(dir, 'file.log')
  const lines = upTo(20000).map(n => numbered(n)).join('')
  run.stdin.write(lines)
  await until(() => existsSync(path) && readFileSync(path, 'utf8') === lines, 'the lines in the file', LIMIT_MS)
  run.stdin.end()
  const { code } = await run.result
  t.equal(code, 1)
})

t.test('a slow reader holds the app back, and costs no memory', { skip: process.platform !== 'linux' && 'reads /proc' }, async t => {
  const config = { target: 'pino/file', options: { destination: 1 } }
  const small = startRun(t, t.testdir({}), config)
  small.stdin.write(numbered(0))
  await until(() => small.stdout !== '', 'a line')
  const baseline = small.peakRssBytes
  small.stdin.end()
  await small.result

  const block = upTo(1000).map(n => numbered(n)).join('')
  const blocks = 3500
  const run = startRun(t, t.testdir({}), config, [], { keepsStdout: false })
  const hash = createHash('sha256')
  let peak = 0
  let chunks = 0
  const reading = (async () => {
    for await (const chunk of run.child.stdout as Readable) {
      hash.update(chunk as Buffer)
      peak = Math.max(peak, run.peakRssBytes)
      if (++chunks % 8 === 0) await sleep(1)
    }
  })()
  const { code } = await run.send((function * () { for (let n = 0; n < blocks; n++) yield block })())
  await reading
  t.equal(code, 0)
  const expected = createHash('sha256')
  for (let n = 0; n < blocks; n++) expected.update(block)
  t.equal(hash.digest('hex'), expected.digest('hex'), 'every line arrived')
  const size = blocks * Buffer.byteLength(block)
  t.ok(peak - baseline < size / 2, `${Math.round((peak - baseline) / 2 ** 20)} MiB more than for one line, of ${Math.round(size / 2 ** 20)} MiB`)
})

t.test('a wrong config ends it with the code 2, and names every fault', async t => {
  const { code, stdout, stderr } = await startRun(t, t.testdir({}), { targets: [fileTarget('file', { whenOpn: 'hold' })], paralel: true }).send([numbered(0)])
  t.equal(code, 2)
  t.equal(stdout, '')
  for (const path of ['targets[0].whenOpn', 'paralel']) t.match(stderr, path)
})

t.test('on a terminal it draws its table there, and gives it back at the end', { skip: process.platform !== 'linux' && 'needs the script of util-linux' }, async t => {
  const dir = t.testdir({ 'fanout.json': JSON.stringify({ targets: [fileTarget('file')] }), lines: numbered(0) })
  const command = `sh -c 'stty rows 20 cols 80; cat lines | "${process.execPath}" "${BIN}" run --config fanout.json'`
  const child = spawnAsUser('script', ['-qefc', command, '/dev/null'], { cwd: dir, env: { ...process.env, TERM: 'xterm', NO_COLOR: undefined, FORCE_COLOR: undefined }, stdio: ['pipe', 'pipe', 'ignore'] })
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => { output += text })
  const [code] = await once(child, 'close') as [number]
  t.equal(code, 0)
  t.match(output, '\u001B[1;17r', 'three rows are kept for the table')
  t.match(output, '\u001B[20;1H\u001B[2Kfile')
  t.match(output, '\u001B[32mclosed\u001B[39m')
  const last = output.slice(output.lastIndexOf('\u001B[r'))
  t.match(last, /pino-breaker-fanout, up .*\r\n.*sink.*\r\nfile.*closed.* 1 .*\r\n$/s, 'the last table stays')
  t.equal(output.split('\u001B[?7l').length, output.split('\u001B[?7h').length, 'lines wrap again')
})

t.test('a file whose opening hangs costs no other a line, and a second signal ends the process', { skip: process.platform === 'win32' && 'Windows has no FIFO' }, async t => {
  const dir = t.testdir({})
  execFileSync('mkfifo', [join(dir, 'fifo.log')])
  const run = startRun(t, dir, { targets: [fileTarget('fifo'), fileTarget('file')], closeTimeoutMs: 500 })
  const path = join(dir, 'file.log')
  run.stdin.write(upTo(100).map(n => numbered(n)).join(''))
  await until(() => existsSync(path) && numbersIn(path).length === 100, 'the lines in the other file', LIMIT_MS)
  run.stdin.end()
  await until(() => run.stderr.includes('holds the process'), 'the end', LIMIT_MS)
  // Nobody knows when the process has come to its exit. A signal before that ends it at once, too.
  const again = setInterval(() => run.child.kill('SIGTERM'), 100)
  const { signal, stderr } = await run.result
  clearInterval(again)
  t.not(signal, 'SIGKILL', 'it has not taken too long')
  t.notMatch(stderr, 'sonic boom', 'no exit handler throws')
  t.equal(numbersIn(path).join(), upTo(100).join())
})
