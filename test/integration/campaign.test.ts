// Random options of what sheds, trips, matches and gathers, with backends that fail at random. A round ends with a calm backend, so that
// everything that was kept arrives.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fanout, { type FanoutOptions, type TargetOptions } from 'pino-breaker-fanout'
import t from 'tap'
import { accountedLines } from '../support/fanout-rig.js'
import { openBackend, type ArrivedRequest, type HttpBackend } from '../support/http-backend.js'
import { createRandom } from '../support/random.js'

/** By hand: `TAP_TIMEOUT=900 CAMPAIGN_MINUTES=10 CAMPAIGN_SEED=7 node build/test/integration/campaign.test.js` */
const MINUTES = Number(process.env['CAMPAIGN_MINUTES'] ?? 0.4)
const FIRST_SEED = Number(process.env['CAMPAIGN_SEED'] ?? Date.now() % 1e6)
const LOGGING_MS = 3000
const LEVELS = [20, 30, 40, 50] as const
const MODULES = ['audit', 'billing', 'web'] as const

interface LoggedLine {
  readonly id: number
  readonly level: number
  readonly module?: string
}

/** A target of a round, and which lines are for it. */
interface Contestant {
  readonly target: TargetOptions
  readonly takes: (line: LoggedLine) => boolean
  /** True if nothing of it may be lost. */
  readonly isHealthy: boolean
  /** The level of protected lines. */
  readonly protectsFrom: number
  readonly arrived: () => number[]
}

type Pick = <Value>(values: readonly Value[]) => Value

function policyOf (pick: Pick): { policy: Partial<TargetOptions>, takes: Contestant['takes'], protectsFrom: number } {
  const level = pick(LEVELS)
  const modules = pick([undefined, ['audit'], ['audit', 'billing']])
  const isNot = pick([true, false])
  const protectsFrom = pick([Infinity, 40, 50])
  return {
    protectsFrom,
    takes: line => line.level >= level && (modules === undefined || modules.includes(line.module ?? '') !== isNot),
    policy: {
      level,
      ...modules && { match: { module: isNot ? { not: modules } : modules } },
      queue: { ...pick([{ maxBytes: 4000 }, { maxLines: 50 }, { maxBytes: 100000 }]), overflow: pick(['drop-oldest', 'drop-newest', 'block']), blockTimeoutMs: pick([20, 200]), ...protectsFrom < Infinity && { protectLevel: protectsFrom } },
      whenOpen: pick(['hold', 'skip']),
      writeTimeoutMs: 500,
      breaker: {
        failureThreshold: pick([2, 50]),
        recoveryTimeoutMs: pick([20, 200]),
        settleMs: 100,
        ...pick([{}, { failureRate: 0.3, minimumAttempts: 3, windowMs: 1000 }]),
        ...pick([{}, { slowMs: 50, slowRate: 0.5, minimumAttempts: 3, windowMs: 1000 }])
      }
    } as Partial<TargetOptions>
  }
}

function httpContestant (name: string, pick: Pick, backend: HttpBackend, bodies: Map<string, number[]>): Contestant {
  const { policy, takes, protectsFrom } = policyOf(pick)
  const format = pick(['ndjson', 'otlp'])
  bodies.set(`/${format}/${name}`, [])
  return {
    takes,
    protectsFrom,
    isHealthy: false,
    arrived: () => bodies.get(`/${format}/${name}`) ?? [],
    target: {
      ...policy,
      name,
      isolation: pick(['thread', 'inline']),
      batch: { maxMs: pick([0, 50]), maxBytes: pick([2000, 524288]) },
      target: 'pino-breaker-fanout/http',
      options: { url: `${backend.url}/${format}/${name}`, format, timeoutMs: 400, ...pick([{}, { maxRequestBytes: 3000 }]) }
    } as TargetOptions
  }
}

function idsOf ({ path, body }: ArrivedRequest): number[] {
  if (path.startsWith('/ndjson')) return body.trimEnd().split('\n').map(line => (JSON.parse(line) as LoggedLine).id)
  const { resourceLogs } = JSON.parse(body) as { resourceLogs: Array<{ scopeLogs: Array<{ logRecords: Array<{ attributes: Array<{ key: string, value: { intValue?: string } }> }> }> }> }
  return resourceLogs.flatMap(({ scopeLogs }) => scopeLogs).flatMap(({ logRecords }) => logRecords)
    .map(({ attributes }) => Number(attributes.find(({ key }) => key === 'id')?.value.intValue))
}

const end = performance.now() + MINUTES * 60000
for (let seed = FIRST_SEED; performance.now() < end; seed++) {
  await t.test(`round with seed ${seed}`, async t => {
    const random = createRandom(seed)
    const pick: Pick = values => values[Math.floor(random() * values.length)] as typeof values[number]
    const bodies = new Map<string, number[]>()
    const backend = await openBackend(t)
    let isCalm = false
    const answers: ReadonlyArray<(response: ServerResponse) => boolean> = [
      response => { response.writeHead(503).end(); return false },
      response => { response.destroy(); return false },
      () => false,
      response => { setTimeout(() => response.writeHead(200).end('{}'), 100); return true },
      response => { response.writeHead(200).end('{}'); return true },
      response => { response.writeHead(200).end('{}'); return true }
    ]
    let answer = pick(answers)
    backend.answer = (response, request) => {
      const isTaken = isCalm ? answers[5]?.(response) : answer(response)
      if (isTaken === true) bodies.get(request.path)?.push(...idsOf(request))
    }
    const dir = t.testdir()
    const ids = (file: string) => (): number[] => readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => (JSON.parse(line) as LoggedLine).id)
    const healthy = policyOf(pick)
    const slow = policyOf(pick)
    const contestants: Contestant[] = [
      {
        ...healthy,
        isHealthy: true,
        arrived: ids(join(dir, 'healthy')),
        target: { name: 'healthy', target: 'pino/file', options: { destination: join(dir, 'healthy') }, level: healthy.policy.level, match: healthy.policy.match } as TargetOptions
      },
      {
        ...slow,
        isHealthy: false,
        arrived: ids(join(dir, 'slow')),
        target: { ...slow.policy, name: 'slow', target: resolve('test/fixtures/sink-takes-its-time.js'), options: { file: join(dir, 'slow'), ms: pick([1, 20, 100]) } } as TargetOptions
      },
      httpContestant('one', pick, backend, bodies),
      httpContestant('two', pick, backend, bodies)
    ]
    const stream = await fanout({ targets: contestants.map(({ target }) => target), diagnostics: false, closeTimeoutMs: 9000 } as FanoutOptions)
    const check = (): void => {
      for (const sink of stream.snapshot().sinks) if (accountedLines(sink) !== sink.linesReceived) t.fail('a sum does not hold', { sink })
    }
    const logged: LoggedLine[] = []
    const endsAt = performance.now() + LOGGING_MS
    while (performance.now() < endsAt) {
      let chunk = ''
      for (let n = Math.floor(random() * 40); n > 0; n--) {
        const module = pick([undefined, ...MODULES])
        const line = { level: pick(LEVELS), time: 1700000000000, id: logged.length, ...module !== undefined && { module } }
        logged.push(line)
        chunk += JSON.stringify({ ...line, pad: 'x'.repeat(random() * 200), nested: { module: pick(MODULES) } }) + '\n'
      }
      if (chunk !== '' && !stream.write(chunk)) await once(stream, 'drain')
      if (random() < 0.05) answer = pick(answers)
      check()
      await sleep(random() * 10)
    }
    isCalm = true
    // What is held arrives once the breakers have closed.
    for (let i = 0; i < 200 && stream.snapshot().sinks.some(({ queueLines, unsettledLines }) => queueLines + unsettledLines > 0); i++) {
      check()
      await sleep(50)
    }
    const closed = once(stream, 'close')
    stream.end()
    await closed
    check()
    const { sinks } = stream.snapshot()
    for (const [i, { target, takes, isHealthy, protectsFrom, arrived }] of contestants.entries()) {
      const sink = sinks[i]
      const expected = logged.filter(takes)
      const here = new Set(arrived())
      const missing = expected.filter(({ id }) => !here.has(id))
      const lost = (sink?.linesSkipped ?? 0) + Object.values(sink?.linesDropped ?? {}).reduce((sum, lines) => sum + lines, 0)
      const plan = JSON.stringify(target)
      t.equal(sink?.linesReceived, expected.length, `${target.name} was given what is for it`, { plan })
      t.same([...here].filter(id => !takes(logged[id] as LoggedLine)), [], `${target.name} has nothing else`, { plan })
      t.ok(missing.length <= lost, `${target.name}: ${missing.length} missing, ${lost} counted as lost`, { plan, sink })
      if (isHealthy) t.same(arrived(), expected.map(({ id }) => id), 'the healthy file has everything, once, in order')
      // At the end, lines may be left whatever their level.
      const lostProtected = (sink?.linesDroppedProtected ?? 0) + (sink?.linesDropped.closed ?? 0)
      const missingProtected = missing.filter(({ level }) => level >= protectsFrom)
      t.ok(missingProtected.length <= lostProtected, `${target.name}: ${missingProtected.length} protected lines missing, ${lostProtected} counted`, { plan, sink })
    }
  })
}
