// Kind: one configuration is used twice at the same time. Of two transports with the same spool folder only one had it; the
// other held its lines in memory, and lost them at its end.
import t, { type Test } from 'tap'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { runProcess } from '../support/run-process.js'

const LIMIT_MS = 120000
/** Makes so many loggers of one configuration, and logs with each. It ends when there are so many slots, or more, and every line is on the disk; or when there is one, and every line has been delivered. */
const APP = `
  const { once } = require('node:events')
  const { readdirSync } = require('node:fs')
  const { pino } = require(${JSON.stringify(resolve('node_modules/pino'))})
  const { port, from, lines, transports, slots } = JSON.parse(process.argv[2])
  let n = from
  const hasSlots = () => slots > 1 ? readdirSync('spool').length >= slots : readdirSync('spool').length === 1
  const isDone = sink => sink.linesReceived >= lines && hasSlots() && sink.linesReceived === (slots > 1 ? sink.spoolLines : sink.linesDelivered)
  const all = Array.from({ length: transports }, async () => {
    const transport = pino.transport({ target: ${JSON.stringify(resolve('dist/cjs/index.cjs'))}, options: {
      targets: [{ name: 'collector', target: ${JSON.stringify(resolve('dist/cjs/http.cjs'))}, options: { url: 'http://127.0.0.1:' + port + '/' }, whenOpen: 'spool', spool: { dir: 'spool' } }],
      breaker: { failureThreshold: 1, recoveryTimeoutMs: 100 }, metricsIntervalMs: 20, diagnostics: false } })
    await once(transport, 'ready')
    const log = pino({ base: null }, transport)
    for (let i = 0; i < lines; i++) log.info({ n: n++ })
    transport.ref()
    await new Promise(resolve => transport.on('metrics', ({ sinks: [sink] }) => { if (isDone(sink)) resolve() }))
    return transport
  })
  Promise.all(all).then(transports => { for (const transport of transports) transport.end() })`

function numbersIn (text: string): number[] {
  return [...text.matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n))
}

/** The lines on the disk, slot by slot. */
function kept (spool: string): number[] {
  return readdirSync(spool, { recursive: true }).map(String).filter(name => name.endsWith('.ndjson')).flatMap(name => numbersIn(readFileSync(join(spool, name), 'utf8')))
}

async function run (t: Test, cwd: string, plan: object): Promise<void> {
  const { code, stderr } = await runProcess(process.execPath, ['app.cjs', JSON.stringify(plan)], { cwd, limitMs: LIMIT_MS })
  t.equal(code, 0, stderr)
}

t.setTimeout(2 * LIMIT_MS)

t.test('lines of all transports with the same options are on the disk at their end, and one process delivers them all', async t => {
  const dir = t.testdir()
  writeFileSync(join(dir, 'app.cjs'), APP)
  const got: number[] = []
  const server = createServer(async (request, response) => {
    got.push(...numbersIn(Buffer.concat(await request.toArray()).toString()))
    response.end()
  })
  const listen = async (port: number): Promise<void> => await new Promise(resolve => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  server.close()
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })

  await run(t, dir, { port, from: 0, lines: 50, transports: 2, slots: 2 })
  await Promise.all([100, 150, 200, 250].map(from => run(t, dir, { port, from, lines: 50, transports: 1, slots: 4 })))
  const all = Array.from({ length: 300 }, (_, n) => n)
  const spool = join(dir, 'spool')
  t.same([...new Set(kept(spool))].sort((a, b) => a - b), all)

  await listen(port)
  await run(t, dir, { port, from: 300, lines: 1, transports: 1, slots: 1 })
  t.same([...new Set(got)].sort((a, b) => a - b), [...all, 300])
  t.same(kept(spool), [])
  t.same(readdirSync(spool), ['collector'])
})
