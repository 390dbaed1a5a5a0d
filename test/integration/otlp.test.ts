import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import t, { type Test } from 'tap'
import { accountedLines, openFanout, until, type FanoutRig } from '../support/fanout-rig.js'
import { openBackend, type ArrivedRequest, type HttpBackend } from '../support/http-backend.js'
import { decodeRequest, recordsOf, type DecodedGroup } from '../support/otlp.js'

/** A receiver of OTLP/HTTP, which decodes each request by the protocol's official types, and keeps what it takes. */
interface Receiver {
  backend: HttpBackend
  /** What was taken. */
  groups: DecodedGroup[]
  /** Judges a request before it is taken: a status that refuses it, or the body of an answer with 200. */
  judge: (ids: number[], request: ArrivedRequest) => number | object
}

async function openReceiver (t: Test): Promise<Receiver> {
  const backend = await openBackend(t)
  const receiver: Receiver = { backend, groups: [], judge: () => ({}) }
  backend.answer = (response, request) => {
    const groups = decodeRequest(request.body)
    const verdict = receiver.judge(idsOf(groups), request)
    response.setHeader('content-type', 'application/json')
    if (typeof verdict === 'number') {
      if (verdict === 429) response.setHeader('retry-after', '1')
      return response.writeHead(verdict).end(JSON.stringify({ code: 3, message: `so it is: ${verdict}` }))
    }
    receiver.groups.push(...groups)
    response.end(JSON.stringify(verdict))
  }
  return receiver
}

function openOtlp ({ backend }: Receiver, { target, options, logger, diagnostics }: { target?: object, options?: object, logger?: pino.LoggerOptions, diagnostics?: string } = {}): FanoutRig {
  return openFanout({
    targets: [
      { name: 'otlp', target: 'pino-breaker-fanout/http', level: 'trace', options: { url: backend.url, format: 'otlp', ...options }, batch: { maxMs: 0 }, ...target } as never,
      ...diagnostics === undefined ? [] : [{ name: 'records', target: 'pino/file', level: 'fatal', options: { destination: diagnostics } }]
    ],
    ...diagnostics === undefined ? { diagnostics: false } : { diagnostics: { to: ['records'] } }
  }, logger)
}

function idsOf (groups: readonly DecodedGroup[]): number[] {
  return groups.flatMap(({ records }) => records).map(({ attributes }) => attributes['id'] as number)
}

function range (from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n)
}

function logAll (fanout: FanoutRig, ids: readonly number[]): void {
  for (const id of ids) fanout.log.info({ id }, 'a line')
}

function sorted (ids: readonly number[]): number[] {
  return [...ids].sort((a, b) => a - b)
}

function checkSums (t: Test, fanout: FanoutRig): void {
  t.same(fanout.snapshots.flatMap(({ sinks }) => sinks).filter(sink => sink.linesReceived !== accountedLines(sink)), [], 'every line is accounted for at every step')
}

function linesIn (path: string): Array<Record<string, unknown>> {
  return readFileSync(path, 'utf8').trimEnd().split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Record<string, unknown>)
}

for (const isolation of ['thread', 'inline'] as const) {
  t.test(`through the transport (${isolation}): lines arrive with the levels, the message and the errors of the app's logger`, async t => {
    const receiver = await openReceiver(t)
    const fanout = openOtlp(receiver, {
      target: { isolation },
      options: { gzip: true, otlp: { resource: { 'service.name': 'shop' } } },
      logger: { level: 'trace', base: { pid: 7, hostname: 'web-1' }, timestamp: () => ',"time":1700000000123', customLevels: { notice: 35 }, messageKey: 'text', errorKey: 'failure' }
    })
    const log = fanout.log as unknown as pino.Logger<'notice'>
    for (const level of ['trace', 'debug', 'info', 'notice', 'warn', 'error', 'fatal'] as const) log[level]({ a: { b: [1, null] } }, `as ${level}`)
    log.error(new RangeError('too far'))
    await until(() => receiver.groups.flatMap(({ records }) => records).length === 8, 'all lines')
    await fanout.close()
    const { groups, backend } = receiver
    t.ok(backend.requests.every(({ path, headers }) => path === '/v1/logs' && headers['content-encoding'] === 'gzip' && headers['content-type'] === 'application/json'))
    t.ok(groups.every(({ resource }) => JSON.stringify(resource) === '{"service.name":"shop","process.pid":7,"host.name":"web-1"}'))
    const records = groups.flatMap(({ records }) => records)
    t.same(records.slice(0, 7).map(({ severityNumber, severityText, body }) => [severityNumber, severityText, body]), [
      [1, 'trace', 'as trace'], [5, 'debug', 'as debug'], [9, 'info', 'as info'], [11, 'notice', 'as notice'], [13, 'warn', 'as warn'], [17, 'error', 'as error'], [21, 'fatal', 'as fatal']
    ])
    t.ok(records.every(({ timeUnixNano }) => timeUnixNano === '1700000000123000000'))
    t.strictSame(records[0]?.attributes, { a: { b: [1, null] } })
    t.match(records[7], { body: 'too far', attributes: { 'exception.type': 'RangeError', 'exception.message': 'too far', 'exception.stacktrace': /^RangeError: too far\n/ } })
    checkSums(t, fanout)
  })
}

t.test('through the transport: lines that a receiver rejects without saying which are told and counted, and none is sent again', async t => {
  const receiver = await openReceiver(t)
  const path = join(t.testdir({}), 'records.ndjson')
  const secret = 'a-secret-token'
  const fanout = openOtlp(receiver, { diagnostics: path, options: { auth: { token: secret } } })
  logAll(fanout, range(0, 10))
  await fanout.sinkWhen('otlp', ({ linesDelivered }) => linesDelivered === 10, 'the first lines')
  let rejected = 0
  receiver.judge = ids => {
    if (rejected > 0 || ids.length < 2) return {}
    rejected = ids.length - 1
    return { partialSuccess: { rejectedLogRecords: String(rejected), errorMessage: `too old, says ${secret}` } }
  }
  logAll(fanout, range(10, 200))
  const sink = await fanout.sinkWhen('otlp', ({ linesReceived, linesDelivered, linesDropped }) => linesReceived === 200 && linesDelivered + (linesDropped.poison ?? 0) === 200, 'every line')
  await fanout.close()
  t.ok(rejected > 0)
  t.match(sink, { linesDelivered: 200 - rejected, linesDropped: { poison: rejected }, linesDeadLettered: 0, failures: {}, state: 'closed' })
  t.same(idsOf(receiver.groups), range(0, 200), 'each line was sent once')
  t.match(linesIn(path).filter(({ msg }) => msg === 'sink dropping lines'), [{ level: 40, component: 'lane', sink: 'otlp', dropped: rejected, reason: 'poison', answer: 'too old, says [hidden]' }])
  checkSums(t, fanout)
})

t.test('through the transport: a warning of a receiver is told once', async t => {
  const receiver = await openReceiver(t)
  const path = join(t.testdir({}), 'records.ndjson')
  receiver.judge = () => ({ partialSuccess: { rejectedLogRecords: 0, errorMessage: 'use the other endpoint' } })
  const fanout = openOtlp(receiver, { diagnostics: path })
  for (let id = 0; id < 3; id++) {
    logAll(fanout, [id])
    await fanout.sinkWhen('otlp', ({ linesDelivered }) => linesDelivered === id + 1, `line ${id}`)
  }
  await fanout.close()
  t.same(idsOf(receiver.groups), [0, 1, 2])
  t.match(linesIn(path).filter(({ msg }) => msg === 'sink warned by its backend'), [{ level: 40, component: 'lane', sink: 'otlp', answer: 'use the other endpoint' }])
  checkSums(t, fanout)
})

for (const manner of ['a rejection of all records', 'a 400'] as const) {
  t.test(`through the transport: a line that causes ${manner} is a dead letter, and all others arrive once`, async t => {
    const receiver = await openReceiver(t)
    const path = join(t.testdir({}), 'dead.ndjson')
    const isBad = (id: number): boolean => id % 100 === 42
    const fanout = openOtlp(receiver, { target: { deadLetter: { path } } })
    logAll(fanout, [0])
    await fanout.sinkWhen('otlp', ({ linesDelivered }) => linesDelivered === 1, 'the first line')
    const taken: number[] = [0]
    receiver.judge = ids => {
      if (!ids.some(isBad)) {
        taken.push(...ids)
        return {}
      }
      return manner === 'a 400' ? 400 : { partialSuccess: { rejectedLogRecords: ids.length, errorMessage: 'bad line' } }
    }
    if (manner === 'a 400') {
      logAll(fanout, range(1, 300))
    } else {
      // Each bad line is in a request of its own, since the protocol does not say which of several it was.
      for (let id = 1; id < 300; id++) {
        if (isBad(id)) await until(() => taken.length === id - Math.floor((id + 57) / 100), `the lines before ${id}`)
        logAll(fanout, [id])
        if (isBad(id)) await fanout.sinkWhen('otlp', ({ linesDeadLettered }) => linesDeadLettered === (id + 58) / 100, `the dead letter ${id}`)
      }
    }
    await fanout.sinkWhen('otlp', ({ linesDelivered, linesDeadLettered }) => linesDelivered === 297 && linesDeadLettered === 3, 'every line to have its end')
    await fanout.close()
    t.same(linesIn(path).map(({ line }) => (JSON.parse(line as string) as { id: number }).id), [42, 142, 242])
    t.match(linesIn(path)[0], manner === 'a 400' ? { status: 400, reason: /"message":"so it is: 400"/ } : { status: 200, reason: 'bad line' })
    t.same(sorted(taken), range(0, 300).filter(id => !isBad(id)))
    checkSums(t, fanout)
  })
}

t.test('through the transport: a 429 with Retry-After, an outage, and a limit of requests cost no line', async t => {
  const receiver = await openReceiver(t)
  const fanout = openOtlp(receiver, { target: { breaker: { failureThreshold: 2, recoveryTimeoutMs: 100 } } })
  let refusals = 0
  const refuse = (status: number, times: number): void => {
    refusals = 0
    receiver.judge = () => refusals++ < times ? status : {}
  }
  let refusedAt = 0
  receiver.judge = () => {
    if (refusals++ > 0) return {}
    refusedAt = performance.now()
    return 429
  }
  logAll(fanout, range(0, 100))
  await fanout.sinkWhen('otlp', ({ linesDelivered }) => linesDelivered === 100, 'the lines that were refused by 429')
  t.ok(performance.now() - refusedAt >= 900, 'they were not sent before the second was over')

  refuse(503, 5)
  logAll(fanout, range(100, 200))
  await fanout.transitionTo('otlp', 'open')
  await fanout.sinkWhen('otlp', ({ linesDelivered }) => linesDelivered === 200, 'the lines of the outage')
  t.equal(refusals >= 5, true)

  const largest = 20000
  receiver.judge = (_, { body }) => body.length > largest ? 413 : {}
  logAll(fanout, range(200, 700))
  await fanout.sinkWhen('otlp', ({ linesDelivered }) => linesDelivered === 700, 'the lines in smaller requests')
  await fanout.close()
  t.same(sorted(idsOf(receiver.groups)), range(0, 700))
  t.equal(recordsOf((receiver.backend.requests.at(-1) as ArrivedRequest).body).length > 0, true)
  checkSums(t, fanout)
})
