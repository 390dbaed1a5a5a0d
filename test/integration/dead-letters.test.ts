import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import type { DeadLetter, TargetOptions } from 'pino-breaker-fanout'
import t, { type Test } from 'tap'
import { accountedLines, openFanout, type FanoutRig } from '../support/fanout-rig.js'
import { fileOnSmallDisk } from '../support/small-disk.js'

/** A line of the app, or a record of the transport itself, which has a `component`. */
interface Line { id: number, bad?: boolean, component?: string }

/** How a backend takes what is posted to it: all or nothing, or line by line. */
type Manner = 'whole' | 'by line'

/** A backend that refuses bad lines for good. */
class Backend {
  /** The `id`s of the app's own lines. */
  readonly arrived: number[] = []
  readonly requests: Array<{ id: string | undefined, attempt: number, time: number }> = []
  manner: Manner = 'whole'
  /** What it says in place of any answer of its own. */
  says: { status: number, headers?: Record<string, string> } | undefined
  url = ''

  async open (t: Test): Promise<this> {
    const server = createServer((request, response) => { this.#answer(request, response) }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    t.teardown(async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    })
    return this
  }

  async #answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = Buffer.concat(await request.toArray() as Buffer[]).toString()
    const lines = text.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Line)
    this.requests.push({ id: request.headers['x-id'] as string | undefined, attempt: Number(request.headers['x-attempt']), time: performance.now() })
    const hasBad = lines.some(({ bad }) => bad)
    const isRefused = hasBad && this.manner === 'whole'
    if (this.says === undefined && !isRefused) this.arrived.push(...lines.filter(({ bad, component }) => bad !== true && component === undefined).map(({ id }) => id))
    if (this.says !== undefined) response.writeHead(this.says.status, this.says.headers).end()
    else if (!hasBad) response.writeHead(204).end()
    else if (isRefused) response.writeHead(400).end()
    else this.#tellOfLines(lines, response)
  }

  #tellOfLines (lines: readonly Line[], response: ServerResponse): void {
    const refused = lines.flatMap(({ bad, id }, line) => bad === true ? [{ line, reason: `mapper_parsing_exception: ${id}`, status: 400 }] : [])
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ refused, retry: [] }))
  }
}

function targetFor (backend: Backend, path: string, fields: Partial<TargetOptions> = {}): TargetOptions & { name: string } {
  return {
    name: 'backend',
    target: resolve('test/fixtures/sink-tells-of-refusals.js'),
    options: { url: backend.url },
    deadLetter: { path },
    breaker: { recoveryTimeoutMs: 200 },
    ...fields
  } as TargetOptions & { name: string }
}

function fileIn (dir: string): { target: TargetOptions, records: () => Array<Record<string, unknown>> } {
  const destination = join(dir, 'file.log')
  return {
    target: { name: 'file', target: 'pino/file', options: { destination } },
    records: () => readFileSync(destination, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
  }
}

function deadLettersIn (path: string): DeadLetter[] {
  return readFileSync(path, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as DeadLetter)
}

/** Logs lines with the `id`s from `from` up to, and without, `to`, of which each so many is bad. */
function logLines ({ log }: FanoutRig, from: number, to: number, each: number): { good: number[], bad: number[] } {
  const ids = Array.from({ length: to - from }, (_, i) => from + i)
  const isBad = (id: number): boolean => id % each === each - 1
  for (const id of ids) log.info(isBad(id) ? { id, bad: true } : { id }, 'ünïcode "quoted"')
  return { good: ids.filter(id => !isBad(id)), bad: ids.filter(isBad) }
}

function checkSums (t: Test, { snapshots }: FanoutRig): void {
  t.same(snapshots.flatMap(({ sinks }) => sinks).filter(sink => sink.linesReceived !== accountedLines(sink)), [], 'every line is accounted for at every step')
}

const inOrder = (a: number, b: number): number => a - b

for (const manner of ['whole', 'by line'] as const) {
  for (const isolation of ['thread', 'inline'] as const) {
    t.test(`of a backend that refuses bad lines (${manner}, ${isolation}) exactly these are in the file, as they were logged`, async t => {
      const dir = t.testdir()
      const path = join(dir, 'dead.ndjson')
      const backend = await new Backend().open(t)
      backend.manner = manner
      const file = fileIn(dir)
      const fanout = openFanout({ targets: [targetFor(backend, path, { isolation }), file.target] })
      logLines(fanout, 0, 1, 2)
      await fanout.sinkWhen('backend', sink => sink.linesDelivered === 1, 'the first line')
      const { good, bad } = logLines(fanout, 1, 1000, 100)
      const sink = await fanout.sinkWhen('backend', ({ linesDelivered, linesDeadLettered }) => linesDelivered + linesDeadLettered >= 1000, 'every line')
      await fanout.close()

      t.match(sink, { linesDelivered: 1000 - bad.length, linesDeadLettered: bad.length, state: 'closed' })
      t.same([...backend.arrived].sort(inOrder), [0, ...good], 'every other line arrived, once')
      const letters = deadLettersIn(path)
      const logged = new Map(file.records().map(record => [record['id'], record]))
      t.same(letters.map(({ line }) => (JSON.parse(line) as Line).id).sort(inOrder), bad)
      for (const letter of letters) {
        const { id } = JSON.parse(letter.line) as Line
        t.same(JSON.parse(letter.line), logged.get(id))
        t.match(letter, { sink: 'backend', status: 400, reason: manner === 'whole' ? 'the backend answered 400' : `mapper_parsing_exception: ${id}` })
        t.ok(letter.attempts >= 1 && Math.abs(letter.time - Date.now()) < 60000)
      }
      t.equal(statSync(path).mode & 0o777, 0o600)
      t.match(file.records().find(({ component }) => component === 'dead-letter'), { level: 40, sink: 'backend', msg: 'sink dead-lettered lines', deadLettered: Number, reason: String })
      checkSums(t, fanout)
    })
  }
}

t.test('an outage, and a backend that refuses everything, put no line into the file', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  const backend = await new Backend().open(t)
  const fanout = openFanout({ targets: [targetFor(backend, path, { breaker: { failureThreshold: 2, recoveryTimeoutMs: 100 } })], diagnostics: false })
  const isFailing = (after: number): boolean => fanout.transitions.slice(after).some(({ from, to }) => from === 'half-open' && to === 'open')
  // From the start, and behind an outage of another kind: in either case it has taken nothing in this generation.
  for (const [turn, statuses] of [[400], [503, 400], [404, 422]].entries()) {
    for (const status of statuses) {
      backend.says = { status }
      const before = fanout.transitions.length
      logLines(fanout, turn * 50, turn * 50 + 50 / statuses.length, 1000)
      await fanout.sinkWhen('backend', () => isFailing(before), `a probe to fail with ${status}`)
    }
    backend.says = undefined
    await fanout.sinkWhen('backend', ({ queueLines, unsettledLines, state }) => queueLines + unsettledLines === 0 && state === 'closed', 'everything to arrive')
  }
  await fanout.close()
  t.match(fanout.snapshots.at(-1)?.sinks[0], { linesDelivered: 150, linesDeadLettered: 0 })
  t.same(fanout.snapshots.at(-1)?.sinks[0]?.linesDropped, {})
  t.throws(() => statSync(path), { code: 'ENOENT' })
  checkSums(t, fanout)
})

t.test('several targets share a file, each line naming its own', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  const backend = await new Backend().open(t)
  backend.manner = 'by line'
  const names = ['one', 'two', 'three']
  const fanout = openFanout({ targets: names.map(name => targetFor(backend, path, { name })), diagnostics: false })
  const { bad } = logLines(fanout, 0, 300, 3)
  for (const name of names) await fanout.sinkWhen(name, sink => sink.linesDeadLettered === bad.length, 'all bad lines to be dead letters')
  await fanout.close()
  const letters = deadLettersIn(path)
  for (const name of names) t.same(letters.filter(({ sink }) => sink === name).map(({ line }) => (JSON.parse(line) as Line).id), bad)
})

t.test('a backend that says Retry-After is left alone for so long', async t => {
  const backend = await new Backend().open(t)
  const fanout = openFanout({ targets: [targetFor(backend, join(t.testdir(), 'dead.ndjson'))], diagnostics: false })
  backend.says = { status: 429, headers: { 'retry-after': '1' } }
  logLines(fanout, 0, 1, 100)
  await fanout.sinkWhen('backend', ({ failures }) => failures['http-429'] === 1, 'the 429')
  backend.says = undefined
  await fanout.sinkWhen('backend', ({ linesDelivered }) => linesDelivered === 1, 'the line')
  const [first, second] = backend.requests
  t.ok((second?.time ?? 0) - (first?.time ?? 0) >= 990, `it waited for ${(second?.time ?? 0) - (first?.time ?? 0)} ms`)
  t.match([first, second], [{ attempt: 1 }, { attempt: 2, id: first?.id }])
  await fanout.close()
})

t.test('a full disk costs the dead letters, which are counted and told, and nothing else', async t => {
  const path = fileOnSmallDisk(t, 16)
  const dir = t.testdir()
  const backend = await new Backend().open(t)
  backend.manner = 'by line'
  const file = fileIn(dir)
  const fanout = openFanout({ targets: [targetFor(backend, path), file.target] })
  const { good, bad } = logLines(fanout, 0, 2000, 4)
  const sink = await fanout.sinkWhen('backend', ({ linesDelivered, unsettledLines }) => linesDelivered >= good.length && unsettledLines === 0, 'all good lines')
  await fanout.close()

  // The last record may be cut off. It is not kept, and the newline of the next one would end it.
  const kept = path === '/dev/full' ? 0 : readFileSync(path, 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line) as DeadLetter).length
  t.ok(kept < bad.length, `${kept} of ${bad.length} bad lines are kept`)
  t.match(sink, { linesDeadLettered: kept, linesDropped: { poison: bad.length - kept } })
  t.same([...backend.arrived].sort(inOrder), good)
  const records = file.records()
  t.match(records.find(({ msg }) => msg === 'dead-letter file cannot be written'), { level: 40, component: 'dead-letter', path, err: { code: 'ENOSPC' } })
  t.match(records.find(({ msg }) => msg === 'sink dropping lines'), { sink: 'backend', reason: 'poison' })
  t.equal(records.filter(({ name }) => name === undefined).length, 2000, 'the file beside it is complete')
  checkSums(t, fanout)
})

t.test('a stream that hides that its backend refused a line loses that line, and no other', async t => {
  const path = join(t.testdir(), 'dead.ndjson')
  const backend = await new Backend().open(t)
  const fanout = openFanout({
    targets: [targetFor(backend, path, { target: resolve('test/fixtures/sink-swallows-failures.js'), options: { url: backend.url, client: 'fetch' }, writeTimeoutMs: 1500, breaker: { settleMs: 50 } } as Partial<TargetOptions>)],
    diagnostics: false
  })
  logLines(fanout, 0, 10, 100)
  await fanout.sinkWhen('backend', ({ linesDelivered }) => linesDelivered === 10, 'the first lines')
  const { good, bad } = logLines(fanout, 10, 40, 20)
  await fanout.sinkWhen('backend', ({ linesDelivered, linesDeadLettered }) => linesDelivered + linesDeadLettered === 40, 'every line')
  await fanout.close()
  t.same(deadLettersIn(path).map(({ line, status }) => [(JSON.parse(line) as Line).id, status]).sort(), bad.map(id => [id, 400]))
  t.same([...new Set(backend.arrived)].sort(inOrder).slice(10), good)
  checkSums(t, fanout)
})
