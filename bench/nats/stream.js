// How many lines a second one app carries into a stream of NATS JetStream, and what each of them costs it.
//
//     npm run build && node bench/nats/stream.js [--rounds 3] [--lines 200000] [--bytes 200]
//
// One server with one replica, and three servers with three, take turns. All are on this machine, so they share its cores.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { connect } from '@nats-io/transport-node'
import { jetstreamManager } from '@nats-io/jetstream'
import { pino } from 'pino'

/** Lines that are logged and not delivered, at most: the app is to wait, and no queue to overflow. */
const AHEAD = 20000
const TURN_LINES = 500
const CASES = [{ nodes: 1, replicas: 1 }, { nodes: 3, replicas: 3 }]

const number = fallback => ({ type: 'string', default: String(fallback) })
const { values } = parseArgs({ options: { rounds: number(3), lines: number(200000), bytes: number(200), app: { type: 'string' } } })
const [rounds, lines, bytes] = [values.rounds, values.lines, values.bytes].map(Number)
if (values.app === undefined) await compare()
else await runApp(JSON.parse(values.app))

async function compare () {
  console.log(`${rounds} rounds of ${lines} lines of ${bytes} bytes, ${availableParallelism()} cores, Node.js ${process.version}`)
  for (let round = 1; round <= rounds; round++) {
    for (const { nodes, replicas } of CASES) {
      const cluster = await startCluster(nodes)
      const args = [fileURLToPath(import.meta.url), '--lines', lines, '--bytes', bytes, '--app', JSON.stringify({ servers: cluster.servers, replicas })]
      const app = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
      await once(app, 'exit')
      await cluster.end()
    }
  }
}

/** Logs to a stream alone, and says how fast. */
async function runApp ({ servers, replicas }) {
  const transport = pino.transport({
    target: 'pino-breaker-fanout',
    options: {
      metricsIntervalMs: 20,
      targets: [{ name: 'stream', target: 'pino-breaker-fanout/nats', options: { servers, stream: 'LOGS', subject: 'logs.{level}', create: { replicas, subjects: ['logs.>'] } } }]
    }
  })
  const log = pino(transport)
  let sink = { linesDelivered: 0, failures: {} }
  transport.on('metrics', ({ sinks: [latest] }) => { sink = latest })
  const until = async lines => {
    while (sink.linesDelivered < lines) await sleep(5)
  }
  const pad = 'x'.repeat(Math.max(0, bytes - 95))
  const write = async (from, to) => {
    for (let n = from; n < to; n++) {
      if (n % TURN_LINES === 0) await until(n - AHEAD)
      log.info({ n, pad }, 'a line')
    }
    await until(to)
  }
  await write(0, TURN_LINES)
  const begin = { time: performance.now(), cpu: process.cpuUsage() }
  await write(TURN_LINES, TURN_LINES + lines)
  const seconds = (performance.now() - begin.time) / 1000
  const { user, system } = process.cpuUsage(begin.cpu)
  console.log(`${servers.length} node(s), ${replicas} replica(s): ${Math.round(lines / seconds)} lines/s, ${((user + system) / lines).toFixed(1)} µs of CPU a line, ${Math.round(process.memoryUsage.rss() / 1e6)} MB, ${Object.values(sink.failures).reduce((sum, count) => sum + count, 0)} failures`)
  transport.end()
  const connection = await connect({ servers })
  const { state } = await (await jetstreamManager(connection)).streams.info('LOGS')
  console.log(`  a line takes ${Math.round(state.bytes / state.messages)} bytes in the stream, for each replica`)
  await connection.close()
}

async function startCluster (count) {
  const folder = mkdtempSync(join(tmpdir(), 'stream-'))
  const ports = []
  for (let n = 0; n < 2 * count; n++) ports.push(await freePort())
  const routes = ports.slice(count).map(port => `nats://127.0.0.1:${port}`)
  const nodes = ports.slice(0, count).map((port, index) => {
    const own = join(folder, `n${index + 1}`)
    mkdirSync(own)
    const cluster = count === 1 ? '' : `cluster: { name: c, listen: 127.0.0.1:${ports[count + index]}, routes: [${routes}] }`
    writeFileSync(join(own, 'conf'), `server_name: n${index + 1}\nlisten: 127.0.0.1:${port}\njetstream: { store_dir: "${own}" }\n${cluster}`)
    return spawn('nats-server', ['-c', join(own, 'conf')], { stdio: 'ignore', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } })
  })
  const servers = ports.slice(0, count).map(port => `127.0.0.1:${port}`)
  for (let isReady = false; !isReady;) {
    try {
      const connection = await connect({ servers, timeout: 2000 })
      await (await jetstreamManager(connection, { checkAPI: false })).getAccountInfo()
      await connection.close()
      isReady = true
    } catch {
      await sleep(200)
    }
  }
  return {
    servers,
    async end () {
      await Promise.all(nodes.map(async node => {
        node.kill('SIGKILL')
        await once(node, 'exit')
      }))
      rmSync(folder, { recursive: true })
    }
  }
}

async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
