// Runs the commands of docs/monitor.md against a transport that looks like the one they are written for.
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import fanout from '#lib/fanout'
import type { MonitorOptions } from '#lib/options'
import type { MonitorAddress } from 'pino-breaker-fanout'
import { TOKEN } from '../support/monitor-rig.js'
import { needs } from '../support/real-servers.js'
import { runProcess } from '../support/run-process.js'

const LIMIT_MS = 60000
const PAGE = 'docs/monitor.md'
const SOCKET = '/run/app/log.sock'

async function open (t: Test, monitor: MonitorOptions): Promise<string> {
  const stream = await fanout({
    targets: [
      { name: 'file', target: 'pino/file', options: { destination: `${t.testdir({})}/app.log` } },
      { name: 'loki', target: resolve('test/fixtures/sink-send-rejects.js'), isolation: 'inline' }
    ],
    diagnostics: false,
    monitor
  })
  const [{ address }] = await once(stream, 'monitor') as [MonitorAddress]
  t.teardown(async () => {
    const closed = once(stream, 'close')
    stream.end()
    await closed
  })
  await stream.act('open', 'loki')
  return address
}

t.test(`the commands of ${PAGE} do what it says`, needs('curl'), async t => {
  const folder = mkdtempSync(join(tmpdir(), 'monitor-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const socket = join(folder, 'log.sock')
  const address = await open(t, { port: 0, token: TOKEN, actions: true })
  await open(t, { socket })
  const text = readFileSync(PAGE, 'utf8')
  const examples = [...text.matchAll(/^<!-- example: (curl|socket); prints (.+?) -->\n```sh\n([\s\S]*?)^```$/gm)]
  t.ok(examples.length >= 6, 'commands were found')
  for (const [, kind, prints, command] of examples as unknown as Array<[string, string, string, string]>) {
    const script = kind === 'socket' ? command.replace(SOCKET, socket) : command
    const { stdout, stderr } = await runProcess('sh', ['-c', script], { cwd: folder, env: { MONITOR: address, TOKEN }, limitMs: LIMIT_MS })
    t.ok(stdout.includes(prints), `${command.trim()} prints ${prints}`, { stdout, stderr })
  }
})
