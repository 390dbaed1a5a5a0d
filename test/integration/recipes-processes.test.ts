import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { messagesIn, writeRecipes } from '../support/recipes.js'
import { runProcess } from '../support/run-process.js'

const LIMIT_MS = 90000
const folder = writeRecipes('processes')

/** Resolves with the next port that the service says it listens on. */
async function listening (child: ChildProcess): Promise<number> {
  let stdout = ''
  while (!/listening on \d+\n/.test(stdout)) stdout += String((await once(child.stdout as NodeJS.ReadableStream, 'data'))[0])
  return Number(/listening on (\d+)/.exec(stdout)?.[1])
}

const request = async (port: number): Promise<void> => { await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text() }

t.test('a service that gets SIGINT again while it is ending goes on to its end', async t => {
  const file = join(t.testdir(), 'app.log')
  const result = await runProcess(process.execPath, ['service.mjs'], {
    cwd: folder,
    limitMs: LIMIT_MS,
    env: { LOG_FILE: file },
    during: async child => {
      const port = await listening(child)
      await request(port)
      // A request whose head is not complete keeps the server from its end.
      const slow = connect(port, '127.0.0.1')
      slow.on('error', () => {})
      slow.write('GET / HTTP/1.1\r\n')
      await request(port)
      child.kill('SIGINT')
      for (const end = Date.now() + LIMIT_MS / 2; !(existsSync(file) && readFileSync(file, 'utf8').includes('ending')) && Date.now() < end;) await sleep(10)
      child.kill('SIGINT')
      await sleep(100)
      slow.destroy()
    }
  })
  t.match(result, { code: 0, signal: null, stderr: '' })
  t.strictSame(messagesIn(file), ['request', 'request', 'ending'])
})

t.test('node --watch restarts a service after a change, and ends it by Ctrl-C, without a lost line', { skip: process.platform !== 'linux' && 'the terminal is that of Linux' }, async t => {
  const file = join(t.testdir(), 'app.log')
  const result = await runProcess(process.execPath, ['--watch', 'service.mjs'], {
    cwd: folder,
    limitMs: LIMIT_MS,
    env: { LOG_FILE: file },
    during: async child => {
      await request(await listening(child))
      const again = listening(child)
      const script = join(folder, 'service.mjs')
      writeFileSync(script, readFileSync(script))
      await request(await again)
      // Ctrl-C reaches each process of the terminal, and node --watch passes it on.
      for (const pid of groupOf(child.pid as number)) process.kill(pid, 'SIGINT')
    }
  })
  t.match(result, { code: 0, signal: null, stderr: '' })
  t.strictSame(messagesIn(file), ['request', 'ending', 'request', 'ending'])
})

/** A process and all below it. */
function groupOf (pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(text => text !== '').map(Number)
  return [pid, ...children.flatMap(groupOf)]
}

t.test('a pod that ends in its grace period has written its lines, also those that come while preStop waits', async t => {
  const file = join(t.testdir(), 'app.log')
  const result = await runProcess(process.execPath, ['service.mjs'], {
    cwd: folder,
    limitMs: LIMIT_MS,
    env: { LOG_FILE: file },
    during: async child => {
      const port = await listening(child)
      await request(port)
      // Kubernetes runs preStop, and requests still come meanwhile. SIGTERM is sent only after it.
      await sleep(300)
      await request(port)
      child.kill('SIGTERM')
    }
  })
  t.match(result, { code: 0, signal: null })
  t.strictSame(messagesIn(file), ['request', 'request', 'ending'])
})

t.test('a pod that is killed after its grace period keeps its lines in a spool for the next start', async t => {
  const dir = t.testdir()
  const app = (url: string, ends: string): string => `
    import { pino } from 'pino'
    const log = pino(pino.transport({ target: 'pino-breaker-fanout', options: { targets: [{ name: 'logs', target: 'pino-breaker-fanout/http', whenOpen: 'spool', spool: { dir: process.env.SPOOL, mode: 'always' }, options: { url: '${url}' } }] } }))
    process.on('SIGTERM', () => {})
    ${ends}
    setInterval(() => {}, 1000)`
  const { openBackend } = await import('../support/http-backend.js')
  const backend = await openBackend(t)
  writeFileSync(join(folder, 'killed.mjs'), app('http://127.0.0.1:9/', "for (let n = 0; n < 100; n++) log.info('line ' + n)\nlog.flush(() => console.log('flushed'))"))
  writeFileSync(join(folder, 'next.mjs'), app(backend.url, ''))
  const env = { SPOOL: join(dir, 'spool') }
  const first = await runProcess(process.execPath, ['killed.mjs'], {
    cwd: folder,
    limitMs: LIMIT_MS,
    env,
    during: async child => {
      await once(child.stdout as NodeJS.ReadableStream, 'data')
      child.kill('SIGTERM')
      await sleep(200)
      child.kill('SIGKILL')
    }
  })
  t.equal(first.signal, 'SIGKILL')
  const arrived = (): string[] => backend.requests.flatMap(({ body }) => body.trimEnd().split('\n')).map(line => (JSON.parse(line) as { msg: string }).msg).filter(message => message.startsWith('line '))
  await runProcess(process.execPath, ['next.mjs'], {
    cwd: folder,
    limitMs: LIMIT_MS,
    env,
    during: async child => {
      for (const end = Date.now() + LIMIT_MS / 2; arrived().length < 100 && Date.now() < end;) await sleep(50)
      child.kill('SIGKILL')
    }
  })
  t.strictSame([...new Set(arrived())], Array.from({ length: 100 }, (_, n) => `line ${n}`))
})

for (const [isWritable, what] of [[true, 'spools into a volume that it may write to'], [false, 'says so if it may not write to its spool, and goes on']] as const) {
  t.test(`a process that is not root, on a read-only root, ${what}`, { skip: process.getuid?.() !== 0 && 'only root may mount' }, async t => {
    const volume = t.testdir({ out: {} })
    mkdirSync(join(volume, 'spool'))
    if (isWritable) chownSync(join(volume, 'spool'), 65534, 65534)
    writeFileSync(join(folder, 'not-root.mjs'), `
      import { pino } from 'pino'
      const transport = pino.transport({ target: 'pino-breaker-fanout', options: { targets: [
        { name: 'out', target: 'pino/file', options: { destination: 1 } },
        { name: 'logs', target: 'pino-breaker-fanout/http', whenOpen: 'spool', spool: { dir: process.env.SPOOL, mode: 'always' }, options: { url: 'http://127.0.0.1:9/' } }
      ] } })
      const log = pino(transport)
      for (let n = 0; n < 10; n++) log.info('line ' + n)
      log.flush(() => setTimeout(() => process.exit(0), 500))`)
    const script = `set -e
      mount --bind ${volume}/spool /mnt
      mount -o remount,ro,bind / 2>/dev/null || mount -o remount,ro /
      if touch /is-writable 2>/dev/null; then rm /is-writable; exit 9; fi
      exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`
    const mount = isWritable ? '/mnt' : '/mnt/none'
    const { code, stdout, stderr } = await runProcess('unshare', ['--mount', 'sh', '-c', script, 'sh', process.execPath, 'not-root.mjs'], { cwd: folder, limitMs: LIMIT_MS, env: { SPOOL: mount, HOME: '/' } })
    t.equal(code, 0, stderr)
    t.equal(stdout.split('\n').filter(line => /"msg":"line \d"/.test(line)).length, 10, 'no line is missing elsewhere')
    if (isWritable) t.notMatch(stdout + stderr, /sink spool unavailable/)
    else t.match(stdout + stderr, /sink spool unavailable/)
  })
}
