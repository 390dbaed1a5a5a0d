// Kind: a bound that is counted for a batch where it is for lines, and many bad lines taken for an outage. A backend that
// refuses everything for a while may cost a few lines, and one that refuses what is old must not keep back what is new.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openFanout, until } from '../support/fanout-rig.js'
import { openBackend } from '../support/http-backend.js'

interface Document { n: number }

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
const inOrder = (numbers: Iterable<number>): number[] => [...new Set(numbers)].sort((a, b) => a - b)

t.test('a bulk API that refuses every document for a while is given up at most failureThreshold lines', async t => {
  const backend = await openBackend(t)
  const taken: number[] = []
  let isBad = false
  let refusals = 0
  backend.answer = (response, { body }) => {
    const documents = body.trimEnd().split('\n').filter((_, i) => i % 2 === 1).map(text => JSON.parse(text) as Document)
    if (isBad) {
      refusals++
      return response.end(JSON.stringify({ errors: true, items: documents.map(() => ({ create: { status: 400, error: { type: 'validation_exception', reason: 'shard limit' } } })) }))
    }
    taken.push(...documents.map(({ n }) => n))
    response.end('{"errors":false}')
  }
  const file = join(t.testdir({}), 'dead.ndjson')
  const fanout = openFanout({
    targets: [{ name: 'es', target: 'pino-breaker-fanout/http', options: { url: backend.url, format: 'elasticsearch', elasticsearch: { index: 'logs' } }, deadLetter: { path: file } }],
    breaker: { failureThreshold: 5, recoveryTimeoutMs: 100 },
    diagnostics: false
  })
  fanout.log.info({ n: 0 })
  await until(() => taken.length === 1, 'the first line')
  isBad = true
  for (let n = 1; n < 5000; n++) fanout.log.info({ n })
  await fanout.transitionTo('es', 'open')
  const before = refusals
  await until(() => refusals >= before + 5, 'some probes')
  isBad = false
  const { linesDeadLettered, linesDropped } = await fanout.sinkWhen('es', ({ linesDelivered, linesDeadLettered }) => linesDelivered + linesDeadLettered === 5000, 'every line to have its end')
  await fanout.close()
  t.ok(linesDeadLettered <= 5, `${linesDeadLettered} given up`)
  t.strictSame(linesDropped, {})
  const letters = linesDeadLettered === 0 ? [] : readFileSync(file, 'utf8').trimEnd().split('\n').map(letter => (JSON.parse((JSON.parse(letter) as { line: string }).line) as Document).n)
  t.same(inOrder([...taken, ...letters]), range(0, 5000))
})

t.test('the old part of a backlog that Loki refuses is given up with no more requests than it needs, and what is new arrives', async t => {
  const backend = await openBackend(t)
  const taken: number[] = []
  let isUp = true
  let windowFrom = 0
  let requests = 0
  backend.answer = (response, { body }) => {
    if (!isUp) return response.writeHead(503).end()
    requests++
    const values = (JSON.parse(body) as { streams: Array<{ values: Array<[string, string]> }> }).streams.flatMap(({ values }) => values)
    const isOld = ([ns]: [string, string]): boolean => Number(BigInt(ns) / 1000000n) < windowFrom
    taken.push(...values.filter(value => !isOld(value)).map(([, line]) => (JSON.parse(line) as Document).n))
    const old = values.filter(isOld).length
    if (old === 0) return response.writeHead(204).end()
    response.writeHead(400).end(`entry with timestamp 2020-01-01 00:00:00 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: ${new Date(windowFrom).toISOString()}',\nuser 'x', total ignored: ${old} out of 0 for stream: {app="x"}`)
  }
  const fanout = openFanout({
    targets: [{ name: 'loki', target: 'pino-breaker-fanout/http', options: { url: backend.url, format: 'loki', labels: { app: 'x' } }, deadLetter: { path: join(t.testdir({}), 'dead.ndjson') } }],
    breaker: { failureThreshold: 5, recoveryTimeoutMs: 100 },
    diagnostics: false
  })
  const now = Date.now()
  const log = (n: number): void => fanout.log.info({ n, time: now + n, pad: 'x'.repeat(150) })
  log(0)
  await until(() => taken.length === 1, 'the first line')
  isUp = false
  for (let n = 1; n < 8000; n++) log(n)
  await fanout.transitionTo('loki', 'open')
  windowFrom = now + 8000
  isUp = true
  for (let n = 8000; n < 8500; n++) log(n)
  await fanout.sinkWhen('loki', ({ linesDelivered, linesDeadLettered }) => linesDelivered === 501 && linesDeadLettered === 7999, 'every line to have its end')
  const opened = fanout.transitions.filter(({ to, from }) => to === 'open' && from === 'closed').length
  await fanout.close()
  t.same(inOrder(taken), [0, ...range(8000, 8500)])
  t.equal(opened, 1, 'a backend that is well gives no alarm')
  // 8,500 lines are 2 MB: a few batches, and a few requests for each that has old lines in it.
  t.ok(requests < 200, `${requests} requests`)
})
