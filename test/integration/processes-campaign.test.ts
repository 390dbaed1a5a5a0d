import t from 'tap'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FanoutOptions } from 'pino-breaker-fanout'
import { openFanout, until } from '../support/fanout-rig.js'
import { createRandom } from '../support/random.js'

const MINUTES = Number(process.env['PROCESSES_CAMPAIGN_MINUTES'] ?? 0.3)
const SEED = Number(process.env['PROCESSES_CAMPAIGN_SEED'] ?? Date.now() % 1e9)
const LIMIT_MS = MINUTES * 60000 + 240000
const PROCESSES = 4
/** Longer than any answer of the backend takes, so that a client's timeout cannot be the reason for a repeat. */
const WRITE_TIMEOUT_MS = 30000

/** What the backend knows of a line. */
interface Arrival { times: number, failedAfter: boolean }

for (const mode of ['always', 'open'] as const) {
  t.test(`four processes that share a spool are killed at random, beside a backend that fails at random: no line that was on the disk is lost (${mode})`, { timeout: LIMIT_MS }, async t => {
    t.comment(`PROCESSES_CAMPAIGN_SEED=${SEED}`)
    const random = createRandom(SEED)
    const dir = t.testdir()
    const folder = join(dir, 'spool')
    const arrivals = new Map<string, Arrival>()
    let isDown = false
    const server = createServer(async (request, response) => {
      const text = Buffer.concat(await request.toArray() as Buffer[]).toString()
      // A refusal is decided before any line counts as arrived: a repeat after it is none.
      if (isDown || random() < 0.1) {
        response.writeHead(503).end()
        return
      }
      for (const key of keysOf(text)) {
        const arrival = arrivals.get(key) ?? { times: 0, failedAfter: false }
        arrival.times++
        arrivals.set(key, arrival)
      }
      // The connection may be gone: then its process does not know that they have arrived.
      response.on('close', () => {
        if (response.writableFinished) return
        for (const key of keysOf(text)) (arrivals.get(key) as Arrival).failedAfter = true
      })
      response.writeHead(204).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const options: FanoutOptions = {
      targets: [{
        name: 'backend',
        target: resolve('test/fixtures/sink-posts.js'),
        options: { url: `http://127.0.0.1:${port}/` },
        whenOpen: 'spool',
        spool: { dir: folder, mode, syncMs: 200 },
        writeTimeoutMs: WRITE_TIMEOUT_MS,
        breaker: { failureThreshold: 2, recoveryTimeoutMs: 200 }
      }],
      diagnostics: false
    }
    let lives = 0
    const killed = new Set<number>()
    const start = (): { life: number, child: ChildProcess } => {
      const life = lives++
      const child = fork(resolve('test/fixtures/app-of-campaign.mjs'), [JSON.stringify({ options, life })])
      t.teardown(() => { child.kill('SIGKILL') })
      return { life, child }
    }
    const stop = async ({ life, child }: ReturnType<typeof start>): Promise<void> => {
      killed.add(life)
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    /** All lines that are on the disk now. A process that was killed does not change them. */
    const onDisk = (): string[] => existsSync(folder)
      ? readdirSync(folder, { recursive: true }).map(String).filter(name => name.endsWith('.ndjson')).flatMap(name => {
        try {
          const text = readFileSync(join(folder, name), 'utf8')
          return keysOf(text.slice(0, text.lastIndexOf('\n') + 1))
        } catch {
          // It was delivered and removed meanwhile.
          return []
        }
      })
      : []

    const seen = new Set<string>()
    const running = Array.from({ length: PROCESSES }, start)
    const deadline = performance.now() + MINUTES * 60000
    while (performance.now() < deadline) {
      await sleep(200 + random() * 1800)
      isDown = random() < 0.5
      const at = Math.floor(random() * PROCESSES)
      for (const key of onDisk()) seen.add(key)
      await stop(running[at] as ReturnType<typeof start>)
      for (const key of onDisk()) seen.add(key)
      running[at] = start()
    }
    for (const one of running) await stop(one)
    for (const key of onDisk()) seen.add(key)
    isDown = false
    const last = openFanout(options, { base: { life: -1 } })
    await until(() => onDisk().length === 0, 'all that was left to arrive', 200000)
    await last.close()

    const missing = [...seen].filter(key => !arrivals.has(key))
    const repeats = [...arrivals].filter(([, { times }]) => times > 1)
    t.same(missing.slice(0, 10), [], 'every line that was on the disk has arrived')
    t.ok(seen.size > 0 && killed.size > PROCESSES)
    t.comment(`${killed.size} kills, ${arrivals.size} lines arrived, ${seen.size} of them seen on the disk, ${repeats.length} came more than once, ${repeats.filter(([, { failedAfter }]) => failedAfter).length} of these after an answer that its process did not get`)
  })
}

function keysOf (text: string): string[] {
  return [...text.matchAll(/"life":(-?\d+),"n":(\d+)/g)].map(([, life, n]) => `${life}:${n}`)
}
