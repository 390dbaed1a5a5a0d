// A web app under load logs to a file, to a collector and to the terminal, while the collector is killed and started
// again. Ends with a count of what has arrived where, and with code 1 if a line is missing. With `--stay` it goes on until
// Ctrl-C: the collector fails again and again, to be looked at in the monitor.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { createApp } from './app.js'
import { countLines } from './proof.js'
import { createScreen } from './screen.js'

const LOAD = { connections: 20, overallRate: 800, duration: 13, workers: 1 }
const HEALTHY_MS = 3000
const DOWN_MS = 5000
const CATCH_UP_MS = 5000
const LIMIT_MS = 29000
const STAYING = { up: 15000, down: 10000, load: { connections: 5, overallRate: 100, duration: 24 * 3600 } }

const stays = process.argv.includes('--stay')

const folder = fileURLToPath(new URL('../build/demo', import.meta.url))
const files = { file: join(folder, 'app.log'), collector: join(folder, 'collected.log') }
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

const screen = createScreen(process.stdout, 3)
process.on('exit', () => screen.close())
const leaving = new AbortController()
process.on('SIGINT', () => {
  if (!stays || leaving.signal.aborted) process.exit(130)
  leaving.abort()
})
const limit = setTimeout(() => {
  screen.say('The demo has taken too long, and gives up.')
  process.exit(1)
}, LIMIT_MS).unref()

let { collector, port } = await startCollector(0)
screen.say(`The collector listens on port ${port}, in process ${collector.pid}.`)

const { app, transport, recoveryTimeoutMs, countLines: countLogged } = createApp({
  file: files.file,
  collectorUrl: `http://127.0.0.1:${port}/`,
  colorize: process.stdout.isTTY === true,
  metricsIntervalMs: 250
})
transport.on('monitor', ({ address }) => screen.say(`The monitor's page: ${address}/`))
const states = []
let snapshot
transport.on('breaker', ({ sink, to }) => { if (sink === 'collector') states.push(to) })
transport.on('metrics', latest => {
  snapshot = latest
  screen.show(latest)
})

const url = await app.listen({ port: 0, host: '127.0.0.1' })
screen.say(`The app gets ${LOAD.overallRate} requests a second for ${LOAD.duration} s, and logs three lines for each.`)
const load = autocannon({ url: `${url}/orders/7`, ...LOAD })

await sleep(HEALTHY_MS)
screen.say(`The collector is killed, and stays down for ${DOWN_MS / 1000} s.`)
collector.kill('SIGKILL')
await once(collector, 'exit')

await sleep(DOWN_MS)
;({ collector } = await startCollector(port))
screen.say(`The collector is back, in process ${collector.pid}. Its sink is probed at most ${recoveryTimeoutMs / 1000} s later.`)

const loads = [await load]
if (stays) loads.push(await stay())
screen.say('The load is over. What is held is delivered, then all is closed.')
const patience = AbortSignal.timeout(CATCH_UP_MS)
while (held('collector') > 0 && !patience.aborted) await once(transport, 'metrics', { signal: patience }).catch(() => {})
await app.close()
transport.ref()
transport.end()
await once(transport, 'close')
collector.kill()
screen.close()

const logged = countLogged()
const proof = {
  file: await countLines(files.file, logged),
  collector: await countLines(files.collector, logged)
}
const { linesReceived, linesDelivered } = sinkOf('terminal')
console.log(`
The app answered ${sum(({ requests }) => requests.total)} requests (${sum(({ errors, non2xx }) => errors + non2xx)} failed) and logged ${logged} lines.
The collector's breaker went ${['closed', ...states].join(' > ')}.
`)
console.table({
  ...Object.fromEntries(Object.entries(proof).map(([name, counts]) => [name, { 'meant for it': logged, ...counts }])),
  terminal: { 'meant for it': linesReceived, arrived: linesDelivered, missing: linesReceived - linesDelivered, duplicates: 0 }
})
console.log(`Counted in ${Object.values(files).map(file => relative(process.cwd(), file)).join(' and ')}; the terminal gets the transport's own records only.`)

const isComplete = Object.values(proof).every(({ missing }) => missing === 0) && linesReceived === linesDelivered
const hasRecovered = states.includes('open') && states.at(-1) === 'closed'
console.log(isComplete ? 'No line is missing.' : 'LINES ARE MISSING.')
if (!hasRecovered) console.log('The breaker has not opened and closed again, as it should have.')
process.exitCode = isComplete && hasRecovered ? 0 : 1

/** Goes on until Ctrl-C, with less load. The collector is killed and started again in turns. */
async function stay () {
  clearTimeout(limit)
  screen.say('The demo stays until Ctrl-C.')
  const load = autocannon({ url: `${url}/orders/7`, ...STAYING.load })
  while (await pause(STAYING.up)) {
    screen.say('The collector is killed.')
    collector.kill('SIGKILL')
    await once(collector, 'exit')
    await pause(STAYING.down)
    ;({ collector } = await startCollector(port))
    screen.say('The collector is back.')
  }
  load.stop()
  return await load
}

function sum (count) {
  return loads.reduce((sum, load) => sum + count(load), 0)
}

/** Resolves after this time with `true`, or as soon as Ctrl-C is pressed with `false`. */
async function pause (ms) {
  return await sleep(ms, true, { signal: leaving.signal }).catch(() => false)
}

async function startCollector (port) {
  const collector = fork(fileURLToPath(new URL('collector.js', import.meta.url)), [port, files.collector])
  const [message] = await once(collector, 'message')
  return { collector, port: message.port }
}

function sinkOf (name) {
  return snapshot.sinks.find(sink => sink.name === name)
}

function held (name) {
  const { queueLines, unsettledLines } = sinkOf(name)
  return queueLines + unsettledLines
}
