// Publishes lines into a stream of a NATS server of its own: by the client's own loop, and by an app whose transport has
// `pino-breaker-fanout/nats`, with the same window. Reads both streams back, and checks that each line is there once and in order.
//
//     node bench/nats/throughput.js 1000000 --window 256 --rounds 3
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { pino } from 'pino'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { window: { type: 'string', default: '256' }, rounds: { type: 'string', default: '1' } } })
const count = Number(positionals[0] ?? 100000)
const window = Number(values.window)

const folder = mkdtempSync(join(tmpdir(), 'nats-bench-'))
const port = await freePort()
const servers = `127.0.0.1:${port}`
const server = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder], { stdio: 'ignore', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } })
const connection = await connectSoon()
const manager = await jetstreamManager(connection)
try {
  for (let round = 1; round <= Number(values.rounds); round++) {
    const rates = {}
    // Each goes first in every other round.
    for (const way of round % 2 === 1 ? ['client', 'transport'] : ['transport', 'client']) {
      await manager.streams.add({ name: 'BENCH', subjects: ['bench.lines'], storage: 'file', duplicate_window: 120e9 })
      const seconds = await (way === 'client' ? byClient() : byTransport())
      rates[way] = count / seconds
      await check()
      await manager.streams.delete('BENCH')
    }
    const shown = Object.entries(rates).map(([way, rate]) => `${way} ${Math.round(rate)} lines a second`)
    console.log(`round ${round}: ${shown.join(', ')}, ratio ${(rates.transport / rates.client).toFixed(2)}; each line once and in order`)
  }
} finally {
  await connection.close()
  server.kill()
  await once(server, 'exit')
  rmSync(folder, { recursive: true, force: true })
}

/** The loop that the client's documentation shows, with a limited number of publishes that are not acknowledged. */
async function byClient () {
  const own = await connect({ servers })
  const stream = jetstream(own)
  const lines = []
  const logger = pino({ base: null }, { write: line => { lines.push(line.slice(0, -1)) } })
  const start = performance.now()
  let resume
  const flight = { count: 0 }
  const land = async size => { while (flight.count > size) await new Promise(resolve => { resume = resolve }) }
  for (let n = 0; n < count; n++) {
    logger.info({ n }, 'a line of a usual length, as an app writes one for each request that it has answered')
    flight.count++
    stream.publish('bench.lines', lines.pop(), { msgID: `client:${start}:${n}` }).then(() => {
      flight.count--
      resume?.()
    })
    await land(window - 1)
  }
  await land(0)
  const seconds = (performance.now() - start) / 1000
  await own.close()
  return seconds
}

async function byTransport () {
  const target = { name: 'nats', target: 'pino-breaker-fanout/nats', options: { servers, subject: 'bench.lines', window } }
  const transport = pino.transport({ target: 'pino-breaker-fanout', options: { targets: [{ ...target, queue: { overflow: 'block', maxBytes: 64 * 2 ** 20, blockTimeoutMs: 60000 } }], diagnostics: false } })
  await once(transport, 'ready')
  const logger = pino({ base: null }, transport)
  const start = performance.now()
  for (let n = 0; n < count; n++) {
    logger.info({ n }, 'a line of a usual length, as an app writes one for each request that it has answered')
    // An app has turns of its event loop: without them, nothing could hold it back.
    if (n % 1000 === 999) await (transport.writableNeedDrain ? once(transport, 'drain') : new Promise(setImmediate))
  }
  const alive = setInterval(() => {}, 1000)
  for (;;) {
    const { state } = await manager.streams.info('BENCH')
    if (state.messages >= count) break
    await sleep(5)
  }
  const seconds = (performance.now() - start) / 1000
  transport.end()
  await once(transport, 'close')
  clearInterval(alive)
  return seconds
}

async function check () {
  const { state } = await manager.streams.info('BENCH')
  if (state.messages !== count) throw new Error(`the stream has ${state.messages} messages in place of ${count}`)
  const consumer = await jetstream(connection).consumers.get('BENCH')
  let expected = 0
  for await (const message of await consumer.consume({ max_messages: 5000 })) {
    const { n } = message.json()
    if (n !== expected) throw new Error(`line ${n} is in the place of line ${expected}`)
    if (++expected === count) break
  }
}

async function connectSoon () {
  for (let tries = 0; ; tries++) {
    try {
      return await connect({ servers })
    } catch (error) {
      if (tries === 100) throw error
      await sleep(50)
    }
  }
}

async function freePort () {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}
