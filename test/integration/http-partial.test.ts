import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { accountedLines, openFanout, until, type FanoutRig } from '../support/fanout-rig.js'
import { openBackend } from '../support/http-backend.js'

interface Document { id: number, bad?: true, busy?: true }

t.test('through the transport: exactly the lines that a bulk API refuses are dead letters, and all others arrive once', async t => {
  const backend = await openBackend(t)
  const taken: number[] = []
  const turnedAway = new Set<number>()
  backend.answer = (response, { body }) => {
    const documents = body.trimEnd().split('\n').filter((_, index) => index % 2 === 1).map(text => JSON.parse(text) as Document)
    const statuses = documents.map(({ id, bad, busy }) => {
      if (bad === true) return 400
      if (busy === true && !turnedAway.has(id)) {
        turnedAway.add(id)
        return 429
      }
      taken.push(id)
      return 201
    })
    const items = statuses.map(status => ({ create: status === 201 ? { status } : { status, error: { type: `type_${status}`, reason: 'so it is' } } }))
    response.end(JSON.stringify({ errors: statuses.some(status => status !== 201), items }))
  }
  const file = join(t.testdir({}), 'dead.ndjson')
  const fanout = openFanout({
    targets: [{
      name: 'http',
      target: 'pino-breaker-fanout/http',
      options: { url: backend.url, format: 'elasticsearch', elasticsearch: { index: 'logs', ids: true } },
      deadLetter: { path: file }
    }],
    diagnostics: false
  })
  for (let id = 0; id < 500; id++) fanout.log.info({ id, ...id % 50 === 7 && { bad: true }, ...id % 40 === 3 && { busy: true } }, 'a line')
  const { linesDeadLettered } = await fanout.sinkWhen('http', ({ linesDelivered, linesDeadLettered }) => linesDelivered === 490 && linesDeadLettered === 10, 'every line to have its end')
  t.equal(linesDeadLettered, 10)
  await fanout.close()
  const letters = deadLetters(file)
  t.same(letters.map(({ id }) => id), Array.from({ length: 10 }, (_, n) => n * 50 + 7))
  t.match(letters[0], { reason: 'type_400: so it is', status: 400 })
  t.same([...taken].sort((a, b) => a - b), Array.from({ length: 500 }, (_, id) => id).filter(id => id % 50 !== 7))
  t.same(fanout.transitions, [])
  t.same(unaccounted(fanout), [])
})

t.test('through the transport: a line for which a backend refuses the whole request is found, and all others arrive once', async t => {
  const backend = await openBackend(t)
  const taken: number[] = []
  backend.answer = (response, { body }) => {
    const documents = body.trimEnd().split('\n').map(text => JSON.parse(text) as Document)
    if (documents.some(({ bad }) => bad)) return response.writeHead(400).end('bad line')
    taken.push(...documents.map(({ id }) => id))
    response.writeHead(204).end()
  }
  const file = join(t.testdir({}), 'dead.ndjson')
  const fanout = openFanout({ targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url: backend.url }, deadLetter: { path: file } }], diagnostics: false })
  fanout.log.info({ id: 0 }, 'a line')
  await until(() => taken.length === 1, 'the first line')
  for (let id = 1; id < 300; id++) fanout.log.info({ id, ...id % 100 === 42 && { bad: true } }, 'a line')
  await fanout.sinkWhen('http', ({ linesDelivered, linesDeadLettered }) => linesDelivered === 297 && linesDeadLettered === 3, 'every line to have its end')
  await fanout.close()
  t.same(deadLetters(file).map(({ id }) => id), [42, 142, 242])
  t.match(deadLetters(file)[0], { status: 400, reason: /bad line/ })
  t.same([...taken].sort((a, b) => a - b), Array.from({ length: 300 }, (_, id) => id).filter(id => id % 100 !== 42))
  t.same(unaccounted(fanout), [])
})

t.test('through the transport: of a push that Loki refuses only the lines that it calls too old are dead letters, and no line comes twice', async t => {
  const backend = await openBackend(t)
  const taken: number[] = []
  const cutoff = Date.parse('2024-01-01T00:00:00Z')
  backend.answer = (response, { body }) => {
    const refused: string[] = []
    for (const { stream, values } of (JSON.parse(body) as { streams: Array<{ stream: Record<string, string>, values: Array<[string, string]> }> }).streams) {
      const old = values.filter(([ns]) => Number(ns) / 1e6 < cutoff)
      taken.push(...values.filter(value => !old.includes(value)).map(([, line]) => (JSON.parse(line) as Document).id))
      if (old.length > 0) refused.push(`total ignored: ${old.length} out of ${values.length} for stream: {app="${stream['app']}", level="${stream['level']}"}`)
    }
    // Of several streams Loki tells of the last.
    if (refused.length === 0) return response.writeHead(204).end()
    response.writeHead(400).end(`entry with timestamp 2023-12-31 23:00:00 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: 2023-12-31T23:00:00Z, oldest acceptable timestamp is: 2024-01-01T00:00:00Z',\nuser 'fake', ${refused.at(-1)}\n`)
  }
  const file = join(t.testdir({}), 'dead.ndjson')
  const fanout = openFanout({
    targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url: backend.url, format: 'loki', labels: { app: 'shop' } }, deadLetter: { path: file } }],
    diagnostics: false
  })
  const isOld = (id: number): boolean => id % 7 === 3
  for (let id = 0; id < 500; id++) fanout.log[id % 3 === 0 ? 'error' : 'info']({ id, time: cutoff + (isOld(id) ? -1000 : 1000) }, 'a line')
  await fanout.sinkWhen('http', ({ linesDelivered, linesDeadLettered }) => linesDelivered + linesDeadLettered === 500, 'every line to have its end')
  await fanout.close()
  const byNumber = (a: number, b: number): number => a - b
  const ids = Array.from({ length: 500 }, (_, id) => id)
  t.same(deadLetters(file).map(({ id }) => id).sort(byNumber), ids.filter(isOld))
  t.match(deadLetters(file)[0], { status: 400, reason: /^entry too far behind, oldest acceptable timestamp is: 2024/ })
  t.same(taken.sort(byNumber), ids.filter(id => !isOld(id)))
  t.same(fanout.transitions, [])
  t.same(unaccounted(fanout), [])
})

t.test('through the transport: a line that is larger than a request may be is a dead letter, all others arrive in order, and nothing counts as a failure', async t => {
  const backend = await openBackend(t)
  const taken: number[] = []
  backend.answer = (response, { body }) => {
    taken.push(...body.trimEnd().split('\n').map(text => (JSON.parse(text) as Document).id))
    response.writeHead(204).end()
  }
  const file = join(t.testdir({}), 'dead.ndjson')
  const fanout = openFanout({
    targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url: backend.url, maxRequestBytes: 4000 }, deadLetter: { path: file } }],
    diagnostics: false
  })
  for (let id = 0; id < 500; id++) fanout.log.info({ id, ...id % 100 === 42 && { text: 'x'.repeat(5000) } }, 'a line')
  await fanout.sinkWhen('http', ({ linesDelivered, linesDeadLettered }) => linesDelivered === 495 && linesDeadLettered === 5, 'every line to have its end')
  await fanout.close()
  t.same(deadLetters(file).map(({ id }) => id), [42, 142, 242, 342, 442])
  t.match(deadLetters(file)[0], { reason: /^too large: its request would have 5\d\d\d bytes, more than maxRequestBytes \(4000\)$/ })
  t.same(taken, Array.from({ length: 500 }, (_, id) => id).filter(id => id % 100 !== 42))
  t.ok(backend.requests.every(({ body }) => body.length <= 4000))
  t.same(fanout.transitions, [])
  t.same(fanout.snapshots.at(-1)?.sinks[0]?.failures['http-413'] ?? 0, 0)
  t.same(unaccounted(fanout), [])
})

t.test('through the transport: lines of which each is larger than a request may be are dead letters before anything was delivered, and no failures', async t => {
  const backend = await openBackend(t)
  const file = join(t.testdir({}), 'dead.ndjson')
  const fanout = openFanout({
    targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url: backend.url, maxRequestBytes: 400 }, deadLetter: { path: file }, breaker: { failureThreshold: 1 } }],
    diagnostics: false
  })
  for (let id = 0; id < 6; id++) fanout.log.info({ id, text: 'x'.repeat(500) }, 'a line')
  await fanout.sinkWhen('http', ({ linesDeadLettered }) => linesDeadLettered === 6, 'every line to be a dead letter')
  await fanout.close()
  t.same(backend.requests, [])
  t.same(fanout.transitions, [])
  t.same(unaccounted(fanout), [])
})

t.test('through the transport: whatever a bulk API does, no good line is lost, and no refused one is kept', async t => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  const random = randomOf(seed)
  const backend = await openBackend(t)
  const index = new Map<string, number>()
  let isWell = false
  backend.answer = (response, { body }) => {
    const texts = body.trimEnd().split('\n')
    const fate = isWell ? 1 : random()
    if (fate < 0.15) return response.writeHead(503).end()
    if (fate < 0.25) return response.socket?.resetAndDestroy()
    const statuses = texts.flatMap((text, at) => {
      if (at % 2 === 0) return []
      const { create: { _id: id } } = JSON.parse(texts[at - 1] as string) as { create: { _id: string } }
      const document = JSON.parse(text) as Document
      if (document.bad === true) return [400]
      if (!isWell && random() < 0.1) return [429]
      if (index.has(id)) return [409]
      index.set(id, document.id)
      return [201]
    })
    // The documents are there, and nobody is told.
    if (fate < 0.35) return response.socket?.resetAndDestroy()
    const items = statuses.map(status => ({ create: status === 201 ? { status } : { status, error: { type: 'type', reason: 'so it is' } } }))
    response.end(JSON.stringify({ errors: statuses.some(status => status !== 201), items }))
  }
  const file = join(t.testdir({}), 'dead.ndjson')
  const fanout = openFanout({
    targets: [{
      name: 'http',
      target: 'pino-breaker-fanout/http',
      options: { url: backend.url, format: 'elasticsearch', elasticsearch: { index: 'logs', ids: true }, concurrency: 3 },
      breaker: { failureThreshold: 3, recoveryTimeoutMs: 50 },
      deadLetter: { path: file }
    }],
    diagnostics: false
  })
  for (let id = 0; id < 2000; id++) fanout.log.info({ id, ...id % 200 === 7 && { bad: true } }, 'a line of some length, so that there is more than one request for a batch of them')
  await until(() => index.size > 500, 'some documents')
  isWell = true
  await fanout.sinkWhen('http', ({ linesDelivered, linesDeadLettered }) => linesDelivered === 1990 && linesDeadLettered === 10, 'every line to have its end')
  await fanout.close()
  t.same([...index.values()].sort((a, b) => a - b), Array.from({ length: 2000 }, (_, id) => id).filter(id => id % 200 !== 7))
  t.same(deadLetters(file).map(({ id }) => id).sort((a, b) => a - b), Array.from({ length: 10 }, (_, n) => n * 200 + 7))
  t.same(unaccounted(fanout), [])
})

t.test('through the transport: identical lines that a bulk API takes one by one arrive as often as they were logged', async t => {
  const backend = await openBackend(t)
  const index = new Set<string>()
  backend.answer = (response, { body }) => {
    const ids = body.trimEnd().split('\n').filter((_, at) => at % 2 === 0).map(text => (JSON.parse(text) as { create: { _id: string } }).create._id)
    const statuses = ids.map((id, at) => {
      if (index.has(id)) return 409
      // There is room for the second line only.
      if (at !== Math.min(1, ids.length - 1)) return 429
      index.add(id)
      return 201
    })
    response.end(JSON.stringify({ errors: true, items: statuses.map(status => ({ create: { status } })) }))
  }
  const fanout = openFanout({
    targets: [{ name: 'http', target: 'pino-breaker-fanout/http', options: { url: backend.url, format: 'elasticsearch', elasticsearch: { index: 'logs', ids: true } }, breaker: false }],
    diagnostics: false
  })
  for (let n = 0; n < 20; n++) fanout.log.info('the same')
  await fanout.sinkWhen('http', ({ linesDelivered }) => linesDelivered === 20, 'every line to arrive')
  await fanout.close()
  t.equal(index.size, 20)
})

/** The lines in a dead-letter file, by their numbers, with what is told of them. */
function deadLetters (file: string): Array<{ id: number, reason: string, status: number }> {
  return readFileSync(file, 'utf8').trimEnd().split('\n').map(text => {
    const { line, reason, status } = JSON.parse(text) as { line: string, reason: string, status: number }
    return { id: (JSON.parse(line) as Document).id, reason, status }
  })
}

/** Every snapshot in which a line is in no place, or in two. */
function unaccounted ({ snapshots }: FanoutRig): unknown[] {
  return snapshots.flatMap(({ sinks }) => sinks).filter(sink => sink.linesReceived !== accountedLines(sink))
}

/** Numbers from 0 to 1 that a seed gives again (a linear congruential generator). */
function randomOf (seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return state / 0x7fffffff
  }
}
