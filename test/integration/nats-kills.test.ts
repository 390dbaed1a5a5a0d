import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { until } from '../support/fanout-rig.js'
import { NatsCluster } from '../support/nats-cluster.js'
import { createRandom } from '../support/random.js'
import { needs } from '../support/real-servers.js'
import { runProcess } from '../support/run-process.js'

const LIMIT_MS = 60000
/** Lines in flight at most: the default of `window`. */
const WINDOW = 256
const kills = Number(process.env['NATS_APP_KILLS'] ?? 5)
t.setTimeout(2 * LIMIT_MS + kills * 10000)

for (const mode of ['open', 'always']) {
  t.test(`an app is killed ${kills} times while it spools and replays (${mode}): what was synced is in the stream, and nothing is doubled`, needs('nats-server'), async t => {
    const seed = Number(process.env['NATS_SEED'] ?? Date.now())
    t.comment(`NATS_SEED=${seed}`)
    const random = createRandom(seed)
    const cluster = await NatsCluster.start(t, 1)
    const [name] = cluster.names as [string]
    const server = cluster.node(name)
    const folder = t.testdirName
    const safe = join(folder, 'safe')
    mkdirSync(folder, { recursive: true })
    const planOf = (life: number, more: object = {}): string => JSON.stringify({
      sink: 'pino-breaker-fanout/nats',
      sinkOptions: { servers: cluster.servers, stream: 'LOGS', subject: 'logs.{level}', create: { subjects: ['logs.>'], duplicateWindowMs: 3600000 }, timeoutMs: 1000 },
      dir: join(folder, 'spool'),
      mode,
      life,
      safe,
      queue: { maxLines: 100000, maxBytes: 64e6 },
      ...more
    })
    const run = async (life: number, more: object, during?: (isSafe: () => number, kill: () => void) => Promise<void>): Promise<void> => {
      writeFileSync(safe, ''.padStart(9))
      const isSafe = (): number => Number(readFileSync(safe, 'utf8'))
      const { stderr, code } = await runProcess(process.execPath, [resolve('test/fixtures/app-spools.js'), planOf(life, more)], {
        cwd: process.cwd(),
        env: { NODE_V8_COVERAGE: '' },
        limitMs: LIMIT_MS,
        ...during && { during: async child => await during(isSafe, () => { child.kill('SIGKILL') }) }
      })
      if (during === undefined) t.equal(code, 0, stderr)
    }

    const synced: number[] = []
    let serverKills = 0
    for (let life = 0; life < kills; life++) {
      await run(life, {}, async (isSafe, kill) => {
        const goesOn = async (lines: number): Promise<void> => {
          const from = isSafe()
          await until(() => isSafe() >= from + lines, 'the app to go on', LIMIT_MS)
        }
        await goesOn(1 + random() * 500)
        // The server is away in some lives when the app is killed; in others it has just come back.
        if (life % 3 !== 2) {
          await server.kill()
          serverKills++
          await goesOn(1 + random() * 2000)
        }
        if (life % 3 === 1) {
          server.start()
          await goesOn(1 + random() * 3000)
        }
        kill()
        synced.push(isSafe())
      })
      if (life % 3 === 0) server.start()
      await cluster.ask(async manager => await manager.getAccountInfo())
    }
    // A last life sends what the others have left.
    await run(kills, { lines: 10 })

    const copies = new Map<string, string[]>()
    for (const { text, id } of await cluster.read('LOGS')) {
      const { life, n } = JSON.parse(text) as { life: number, n: number }
      copies.set(`${life}/${n}`, [...copies.get(`${life}/${n}`) ?? [], id])
    }
    t.comment(`${copies.size} lines, of which ${synced.reduce((sum, lines) => sum + lines, 0)} were synced before a kill`)
    const missing = synced.flatMap((lines, life) => Array.from({ length: lines }, (_, n) => `${life}/${n}`)).filter(line => !copies.has(line))
    const doubled = [...copies].filter(([, ids]) => ids.length > 1)
    t.same(missing.slice(0, 20), [], `nothing that was synced is missing: ${missing.length} lines are`)
    // A line that was sent before it went to the disk has another id for the next process. Then one whose acknowledgement was lost with the server is doubled.
    const mayBeDoubled = mode === 'always' ? 0 : serverKills * WINDOW
    t.comment(`${doubled.length} lines are doubled`)
    t.ok(doubled.length <= mayBeDoubled, `no line is doubled except those: ${JSON.stringify(doubled.slice(0, 20))}`)
  })
}
