// Runs the command in a real terminal (tmux) with a target that breaks, and keeps a picture of that in docs/images/run.svg.
// Needs tmux, and a build.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { terminalSvg } from './terminal-svg.mjs'

const [COLUMNS, ROWS] = [104, 14]
const LIMIT_MS = 60000
const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'build', 'picture')
const APP = `
const levels = ['info', 'info', 'debug', 'info', 'warn', 'info', 'info', 'error']
let n = 0
setInterval(() => {
  let lines = ''
  for (let i = 0; i < 50; i++, n++) lines += JSON.stringify({ level: levels[n % levels.length], time: Date.now(), order: n, msg: 'order shipped' }) + '\\n'
  process.stdout.write(lines)
}, 20)
`

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const audit = await openBackend()
const loki = await openBackend()
writeFileSync(join(folder, 'app.js'), APP)
writeFileSync(join(folder, 'fanout.json'), JSON.stringify({
  targets: [
    { name: 'app.log', target: 'pino/file', level: 'trace', options: { destination: 'app.log' } },
    { name: 'loki', target: 'pino-breaker-fanout/http', options: { url: loki.url }, whenOpen: 'spool', spool: { dir: 'spool' } },
    { name: 'audit', target: 'pino-breaker-fanout/http', level: 'error', options: { url: audit.url } }
  ],
  breaker: { failureThreshold: 3, recoveryTimeoutMs: 8000 }
}))

const server = `fanout-picture-${process.pid}`
try {
  tmux('-f', '/dev/null', 'new-session', '-d', '-x', String(COLUMNS), '-y', String(ROWS), '-c', folder, 'bash --norc --noprofile')
  type(`PS1='$ '; npx () { shift; "${process.execPath}" "${join(root, 'dist', 'cjs', 'cli.cjs')}" "$@"; }; clear`)
  await sleep(500)
  type('node app.js | npx pino-breaker-fanout run --config fanout.json')
  await shown(/loki +closed +[1-9]/)
  await sleep(3000)
  await loki.close()
  await shown(/open -> half-open[^]*half-open -> open/)
  await shown(/loki +open .*, probes in [4-6]/)
  writeFileSync(join(root, 'docs', 'images', 'run.svg'), terminalSvg(capture('-e'), COLUMNS, 'pino-breaker-fanout run in a terminal: the breaker of the target loki is open, its lines wait in its spool, and two other targets go on'))
  await loki.open()
  await shown(/probe-succeeded/)
  tmux('send-keys', 'C-c')
  await shown(/audit[^]*\n\$ *$/)
} finally {
  tmux('kill-server')
}
process.exit()

function tmux (...args) {
  return execFileSync('tmux', ['-L', server, ...args], { encoding: 'utf8' })
}

function type (line) {
  tmux('send-keys', '-l', line)
  tmux('send-keys', 'Enter')
}

function capture (...args) {
  return tmux('capture-pane', '-p', ...args)
}

async function shown (pattern) {
  const limit = AbortSignal.timeout(LIMIT_MS)
  while (!pattern.test(capture().trimEnd() + ' ')) {
    if (limit.aborted) throw new Error(`not shown: ${pattern}\n${capture()}`)
    await sleep(100)
  }
}

/** A backend that takes everything, until it is closed. */
async function openBackend (port = 0) {
  const server = createServer((request, response) => { request.resume().on('end', () => response.writeHead(204).end()) })
  const open = async () => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    ;({ port } = server.address())
  }
  const close = async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  await open()
  return { url: `http://127.0.0.1:${port}/`, open, close }
}
