import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { run } from '#lib/cli/main'
import { systemClock } from '#lib/clock'

async function check (t: Test, config: unknown, ...args: string[]): Promise<{ code: number, stdout: string, stderr: string, dir: string }> {
  const dir = t.testdir({ 'sink.mjs': '', 'fanout.json': typeof config === 'string' ? config : JSON.stringify(config) })
  let [stdout, stderr] = ['', '']
  const code = await run(['check', '--config', join(dir, 'fanout.json'), ...args], {
    stdout: { write: text => { stdout += text } },
    stderr: { write: text => { stderr += text } },
    clock: systemClock,
    stop: new AbortController().signal
  })
  return { code, stdout: stdout.replaceAll(dir, '<dir>'), stderr: stderr.replaceAll(dir, '<dir>'), dir }
}

t.test('the plan of a config with everything says what becomes of every line, and where things are', async t => {
  const { code, stdout, stderr } = await check(t, {
    targets: [
      { target: 'pino/file', options: { destination: 'app.log' } },
      { name: 'loki', target: './sink.mjs', level: 'warn', whenOpen: 'spool', spool: { dir: '/var/spool/app' }, healthCheck: { http: 'http://user:secret@loki:3100/ready?key=secret' } },
      { name: 'pager', target: './sink.mjs', level: 50, match: { module: ['audit', '\u001b[31m\u202e'], err: { exists: true }, url: { prefix: '/api', not: 1 } }, whenOpen: 'fallback', fallback: 'spare', breaker: { failureThreshold: 1, backoffMultiplier: 2 }, deadLetter: { path: '/var/dead.ndjson' } },
      { name: 'spare', pipeline: [{ target: './sink.mjs' }, { target: 'pino/file', options: { destination: 'spare.log' } }], standby: true, isolation: 'inline' }
    ],
    diagnostics: { to: ['file'], level: 'warn' }
  })
  t.equal(stderr, '')
  t.equal(code, 0)
  t.equal(stdout, `\
target  level    runs in          queue                                 module
file    info     the main thread  16 MiB or 100,000 lines, block        pino/file
loki    warn     its own thread   16 MiB or 100,000 lines, drop-oldest  <dir>/sink.mjs
pager   50       its own thread   16 MiB or 100,000 lines, drop-oldest  <dir>/sink.mjs
spare   standby  the main thread  16 MiB or 100,000 lines, drop-oldest  <dir>/sink.mjs | pino/file

it takes only lines in which
  pager  "err" exists, and "module" is "\\u001b[31m\uFFFD" or "audit", and "url" is not 1, and "url" begins with "/api"

when it is down
  file   lines wait in memory, up to 16 MiB or 100,000 lines, then the oldest are dropped
  loki   lines go to disk, up to 1 GiB, then the oldest are deleted; they are sent in order once it is back
  pager  lines go to spare, to stderr if that is down too, and stay there
  spare  lines go to stderr, and stay there

its breaker opens
  file   after 5 failures in a row; it is tried again after 30 s
  loki   after 5 failures in a row; it is tried again after 30 s, once its health check succeeds
  pager  after the first failure; it is tried again after 30 s, then ever later, up to 5 min
  spare  after 5 failures in a row; it is tried again after 30 s

spools
  loki  /var/spool/app/loki

dead letters
  pager  /var/dead.ndjson, up to 64 MiB

health checks
  loki  http://loki:3100/ready

records and monitor
  records go to  file; from warn on
  monitor        off
`)
})

t.test('the policies that are left are told, too', async t => {
  const target = { target: './sink.mjs' }
  const { stdout } = await check(t, {
    targets: [
      { ...target, name: 'a', whenOpen: 'skip', queue: { overflow: 'drop-newest' } }, { ...target, name: 'b', breaker: false, queue: { overflow: 'drop-newest', maxBytes: 1 } },
      { ...target, name: 'c', breaker: { mode: 'observe' } }, { ...target, name: 'd', whenOpen: 'spool', spool: { dir: 's', mode: 'always' } },
      { ...target, name: 'e', whenOpen: 'fallback', fallback: 'stderr', healthCheck: { tcp: 'db:5432' } }
    ],
    diagnostics: false
  })
  for (const text of [
    'a  new lines are dropped and counted; those that wait already stay in memory\n',
    'b  its breaker is off, so it is tried again and again; lines wait in memory, up to 1 byte or 100,000 lines, then new ones are dropped\n',
    'c  its breaker only reports, so it is tried again and again; lines wait in memory',
    'd  lines stay on disk, where every line goes first, up to 1 GiB, then the oldest are deleted; they are sent in order once it is back\n',
    'e  lines go to stderr, and stay there\n',
    'b  never\n',
    'e  db:5432\n',
    'records go to  off\n'
  ]) t.match(stdout, text)
})

t.test('the only target takes all levels, and warnings are part of the plan', async t => {
  const { code, stdout } = await check(t, { target: 'pino/file', options: { destination: 1 }, writeTimeoutMs: 5 })
  t.equal(code, 0)
  t.match(stdout, /^file {4}all /m)
  t.match(stdout, /warnings\n {2}targets\[0\]\.writeTimeoutMs is 5 ms; did you mean 5000\?\n$/)
})

t.test('for machines the plan is JSON, and neither form has options or credentials', async t => {
  const config = { targets: [{ name: 'x', target: './sink.mjs', options: { password: 'secret' }, worker: { env: { KEY: 'secret' }, argv: ['secret'] }, healthCheck: { http: 'http://u:secret@h/?k=secret' } }] }
  const { stdout } = await check(t, config, '--json')
  t.match(JSON.parse(stdout), { targets: [{ name: 'x', modules: ['<dir>/sink.mjs'], level: 'all', isolation: 'thread', queue: { maxLines: 100000 }, whenOpen: 'hold', fallbacks: [], healthCheck: 'http://h/' }], warnings: [] })
  t.notMatch(stdout + (await check(t, config)).stdout, 'secret')
})

for (const [what, config, faults] of [
  ['several options are wrong', { targets: [{ target: './sink.mjs', breaker: { failureThreshold: 0 }, whenOpn: 'hold' }, { target: './none.mjs' }], parallel: 1 }, ['targets[0].breaker.failureThreshold', 'targets[0].whenOpn', 'targets[1].target', 'parallel']],
  ['there are no targets', { targets: [] }, ['targets']],
  ['a fallback is unknown', { targets: [{ target: './sink.mjs', whenOpen: 'fallback', fallback: 'nobody' }] }, ['targets[0].fallback']],
  ['a spool has no folder', { targets: [{ target: './sink.mjs', whenOpen: 'spool' }] }, ['targets[0].whenOpen']]
] as const) {
  t.test(`if ${what}, every fault is named with its path, and the code is 2`, async t => {
    const { code, stdout, stderr } = await check(t, config)
    t.equal(code, 2)
    t.equal(stdout, '')
    for (const path of faults) t.match(stderr, `${path}: `)
    const json = await check(t, config, '--json')
    t.equal(json.code, 2)
    t.same((JSON.parse(json.stdout) as { faults: string[] }).faults.map(fault => fault.split(': ')[0]).sort(), [...faults].sort())
    t.equal(json.stderr, stderr)
  })
}

t.test('what is no config at all is told, with the code 2', async t => {
  for (const [config, message] of [['{', 'cannot be loaded'], ['[]', 'expected an object'], ['null', 'expected an object']] as const) {
    const { code, stdout, stderr } = await check(t, config, '--json')
    t.equal(code, 2)
    t.match(stderr, message)
    t.match(JSON.parse(stdout), { faults: [new RegExp(message)] })
  }
})

t.test('nothing is made or loaded by a check', async t => {
  const dir = t.testdir({ 'throws.mjs': 'throw new Error("loaded")' })
  writeFileSync(join(dir, 'fanout.json'), JSON.stringify({ target: './throws.mjs', whenOpen: 'spool', spool: { dir: join(dir, 'spool') } }))
  const code = await run(['check', '--config', join(dir, 'fanout.json')], { stdout: { write: () => {} }, stderr: { write: () => {} }, clock: systemClock, stop: new AbortController().signal })
  t.equal(code, 0)
  t.notOk(existsSync(join(dir, 'spool')))
})

t.test('the plan says by what share of its attempts a breaker opens', async t => {
  const { stdout } = await check(t, {
    targets: [
      { name: 'failing', target: './sink.mjs', breaker: { failureRate: 0.5, windowMs: 60000 } },
      { name: 'slow', target: './sink.mjs', breaker: { slowMs: 1500, slowRate: 0.755 } },
      { name: 'both', target: './sink.mjs', breaker: { failureRate: 1, slowMs: 250 } }
    ]
  })
  t.match(stdout, 'failing  after 5 failures in a row, or once 50% of the attempts of 1 min have failed; it is tried again after 30 s')
  t.match(stdout, 'slow     after 5 failures in a row, or once 75.5% of the attempts of 10 s took longer than 1.5 s; it is tried again after 30 s')
  t.match(stdout, 'both     after 5 failures in a row, or once 100% of the attempts of 10 s have failed, or once 50% of the attempts of 10 s took longer than 250 ms; it is tried again after 30 s')
})
