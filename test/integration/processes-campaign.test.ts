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

/** The life of the process that sends what the others have left in the end. */
const LAST = -1

/** One arrival of a line at the backend. */
interface Arrival { sender: number, atMs: number }

for (const mode of ['always', 'open'] as const) {
  t.test(`four processes that share a spool are killed and paused at random, beside a backend that fails at random: no line that was on the disk is lost, and none comes again unless its sender was killed (${mode})`, { timeout: LIMIT_MS }, async t => {
    t.comment(`PROCESSES_CAMPAIGN_SEED=${SEED}`)
    const random = createRandom(SEED)
    const dir = t.testdir()
    const folder = join(dir, 'spool')
    const arrivals = new Map<string, Arrival[]>()
    /** When each life was killed. */
    const killed = new Map<number, number>()
    const disorder: string[] = []
    /** The highest number of each life's lines, by sender. */
    const newest = new Map<string, number>()
    let [isDown, cutShort] = [false, 0]
    const server = createServer(async (request, response) => {
      const sender = Number((request.url as string).slice(1))
      let text: string
      try {
        text = Buffer.concat(await request.toArray() as Buffer[]).toString()
      } catch {
        // Its process was killed as it sent it.
        cutShort++
        return
      }
      // A refusal is decided before any line counts as arrived: a repeat after it is none.
      if (isDown || random() < 0.1) {
        response.writeHead(503).end()
        return
      }
      const atMs = performance.now()
      for (const [key, life, n] of linesIn(text)) {
        const before = arrivals.get(key)
        if (before === undefined) arrivals.set(key, [{ sender, atMs }])
        else before.push({ sender, atMs })
        const way = `${life} by ${sender}`
        if (n <= (newest.get(way) ?? -1)) disorder.push(`${key} by ${sender}`)
        newest.set(way, n)
      }
      response.writeHead(204).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const optionsOf = (life: number): FanoutOptions => ({
      targets: [{
        name: 'backend',
        target: resolve('test/fixtures/sink-posts.js'),
        options: { url: `http://127.0.0.1:${port}/${life}` },
        whenOpen: 'spool',
        spool: { dir: folder, mode, syncMs: 200 },
        writeTimeoutMs: WRITE_TIMEOUT_MS,
        breaker: { failureThreshold: 2, recoveryTimeoutMs: 200 }
      }],
      diagnostics: false
    })
    let lives = 0
    const start = (): { life: number, child: ChildProcess } => {
      const life = lives++
      const child = fork(resolve('test/fixtures/app-of-campaign.mjs'), [JSON.stringify({ options: optionsOf(life), life })])
      t.teardown(() => { child.kill('SIGKILL') })
      return { life, child }
    }
    const stop = async ({ life, child }: ReturnType<typeof start>): Promise<void> => {
      killed.set(life, performance.now())
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    /** All lines that are on the disk now. A process that was killed does not change them. */
    const onDisk = (): string[] => existsSync(folder)
      ? readdirSync(folder, { recursive: true }).map(String).filter(name => name.endsWith('.ndjson')).flatMap(name => {
        try {
          const text = readFileSync(join(folder, name), 'utf8')
          return linesIn(text.slice(0, text.lastIndexOf('\n') + 1)).map(([key]) => key)
        } catch {
          // It was delivered and removed meanwhile.
          return []
        }
      })
      : []

    const seen = new Set<string>()
    const running = Array.from({ length: PROCESSES }, start)
    const deadline = performance.now() + MINUTES * 60000
    let pauses = 0
    while (performance.now() < deadline) {
      // A process that stands still has its slot nevertheless.
      const paused = random() < 0.3 ? running[Math.floor(random() * PROCESSES)] : undefined
      if (paused !== undefined) pauses++
      paused?.child.kill('SIGSTOP')
      await sleep(200 + random() * 1800)
      paused?.child.kill('SIGCONT')
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
    const last = openFanout(optionsOf(LAST), { base: { life: LAST } })
    await until(() => onDisk().length === 0, 'all that was left to arrive', 200000)
    await last.close()

    const missing = [...seen].filter(key => !arrivals.has(key))
    const repeats = [...arrivals].filter(([, { length }]) => length > 1)
    // Whoever has got the answer for a line never sends it again, and nobody else does as long as its sender lives.
    const unexplained = repeats.filter(([, all]) => all.some(({ sender, atMs }, at) => at > 0 && all.slice(0, at).some(before => before.sender === sender || (killed.get(before.sender) ?? Infinity) > atMs)))
    t.same(missing.slice(0, 10), [], 'every line that was on the disk has arrived')
    t.same(unexplained.slice(0, 10), [], `each repeat follows a kill of the process that had sent the line (${unexplained.length} do not)`)
    t.same(disorder.slice(0, 10), [], 'each process sends the lines of a life in their order, and each of them once')
    t.ok(seen.size > 0 && killed.size > PROCESSES)
    t.comment(`${killed.size} kills, ${pauses} pauses, ${arrivals.size} lines arrived, ${seen.size} of them seen on the disk, ${repeats.length} came more than once, ${unexplained.length} of these without a kill of its sender; ${cutShort} requests were cut short by a kill`)
  })
}

/** The lines in a text: a key, the life of the process that has logged it, and its number there. */
function linesIn (text: string): Array<[key: string, life: number, n: number]> {
  return [...text.matchAll(/"life":(-?\d+),"n":(\d+)/g)].map(([, life, n]) => [`${life}:${n}`, Number(life), Number(n)])
}
