import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import type { Parcel, SinkKind } from '#lib/child/child'
import { idOfEach } from '#lib/line-ids'
import { HandClock } from './support/hand-clock.js'
import { LaneRig, type LaneRigOptions } from './support/lane-rig.js'
import { MemoryDisk } from './support/memory-disk.js'
import { OwnerList, rest } from './support/spool-rig.js'

/** What can happen to a lane with a spool: to its entrance, its sink, its disk, its process, or the clock. */
type Step =
  | { do: 'offer', lengths: number[] }
  | { do: 'ready' | 'deliver' | 'reject' | 'fail' | 'full' | 'heal' | 'unsynced' | 'restart' | 'crash' }
  | { do: 'accept', share: number }
  | { do: 'hang', calls: number }
  | { do: 'wait', ms: number }

const CLOSE_TIMEOUT_MS = 2000
const PROBES_BEFORE_OTHERS = 4
const RUNS = Number(process.env['LANE_SPOOL_RUNS'] ?? 200)

const commonSteps: fc.WeightedArbitrary<Step>[] = [
  { weight: 8, arbitrary: fc.record({ do: fc.constant('offer' as const), lengths: fc.array(fc.oneof({ weight: 9, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.constantFrom(300, 3000) }), { minLength: 1, maxLength: 5 }) }) },
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'ready' }) },
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'deliver' }) },
  { weight: 3, arbitrary: fc.constantFrom<Step>({ do: 'reject' }, { do: 'fail' }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('accept' as const), share: fc.constantFrom(0.1, 0.5, 1) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'unsynced' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'heal' }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'restart' }, { do: 'crash' }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.nat(300), fc.nat(1500)) }) }
]
const faultsOfDisk: fc.WeightedArbitrary<Step>[] = [
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'full' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hang' as const), calls: fc.nat(4) }) }
]

const shape = {
  spool: fc.record({ mode: fc.constantFrom('open' as const, 'always' as const) }),
  spoolSizes: fc.record({ segmentBytes: fc.constantFrom(40, 500, 1e6) }),
  writeTimeoutMs: fc.constantFrom(300, 2000),
  windowBytes: fc.constantFrom(30, 1e6),
  breaker: fc.record({ failureThreshold: fc.constantFrom(1, 2), recoveryTimeoutMs: fc.constantFrom(150, 700), settleMs: fc.constantFrom(0, 200) })
}
const options = fc.record(shape)
/** A queue with hardly any room, and a breaker that is closed for long. */
const tightOptions = fc.record({
  ...shape,
  queue: fc.record({ maxLines: fc.constantFrom(4, 8), blockTimeoutMs: fc.constantFrom(0, 300) }),
  breaker: fc.record({ failureThreshold: fc.constantFrom(1, 4), recoveryTimeoutMs: fc.constantFrom(150, 700), settleMs: fc.constantFrom(0, 200) })
})

/** One life after the other of a lane, on one disk. */
class Course {
  readonly #kind: SinkKind
  readonly #options: LaneRigOptions
  readonly #clock: HandClock
  readonly #disk = new MemoryDisk()
  #lives = 0
  #rig: LaneRig
  #ready = new WeakSet<object>()
  /** All lines that were offered. */
  readonly #texts: string[] = []
  #delivered = new Set<number>()
  /** Whether lines came to the sink for the first time in another order than that in which they were offered. */
  isOutOfOrder = false
  /** Whether so many probes have failed that one may have been made of others than the oldest lines. */
  mayProbeWithOthers = false
  /** The first that has not been delivered. */
  #next = 0
  /** The line of each id, and the ids of each line: of the life that sent it last, and of the disk. */
  readonly #lineOf = new Map<string, number>()
  readonly #idsOf = new Map<number, { life: number, id: string, ofDisk: string | undefined }>()
  readonly #seen = new WeakSet<Parcel>()
  /** Lines that a crash may have cost: they were not on the disk yet. */
  #endangered = new Set<number>()

  constructor (kind: SinkKind, options: LaneRigOptions, clock: HandClock) {
    this.#kind = kind
    this.#options = options
    this.#clock = clock
    this.#rig = this.#begin()
  }

  async do (step: Step): Promise<void> {
    const rig = this.#rig
    const child = rig.children.at(-1)
    const isReady = child !== undefined && !child.isDestroyed && this.#ready.has(child)
    switch (step.do) {
      case 'offer': rig.offer(...step.lengths.map(length => this.#nextLine(length))); break
      case 'ready':
        if (child === undefined || child.isDestroyed || isReady) break
        this.#ready.add(child)
        child.ready(this.#kind)
        break
      case 'deliver': this.#deliver(); break
      case 'accept':
        if (!isReady || this.#kind === 'delivery') break
        child.accept(Math.floor(step.share * (child.given - child.accepted)))
        // It counts as delivered once it has been quiet, which is as much as can be known of such a sink.
        this.#note(Buffer.from(child.text).subarray(0, child.accepted))
        break
      case 'reject': if (isReady && this.#kind === 'delivery' && child.sent.length > 0) child.settle('http-503'); break
      case 'fail': if (isReady) child.fail(); break
      case 'full': this.#disk.capacityBytes = 200; break
      case 'unsynced': this.#disk.fail('sync', { code: 'EIO' }); break
      case 'hang': this.#disk.allow(step.calls); break
      case 'heal': this.#heal(); break
      case 'restart': await this.#restart(); break
      case 'crash': this.#crash(); break
      case 'wait': this.#clock.advance(step.ms)
    }
    await rest()
    this.#rig.check()
    for (const { sent } of this.#rig.children) for (const parcel of sent) this.#noteIds(parcel)
    const transitions = this.#rig.transitions.slice(this.#rig.transitions.findLastIndex(({ to }) => to === 'closed') + 1)
    if (transitions.filter(({ from, to }) => from === 'half-open' && to === 'open').length >= PROBES_BEFORE_OTHERS) this.mayProbeWithOthers = true
  }

  /** Disk and sink are well from now on: everything arrives that was not lost by a crash or a drop. */
  async finish (): Promise<void> {
    this.#heal()
    for (let n = 0; n < 200; n++) {
      await this.do({ do: 'ready' })
      await this.do({ do: 'deliver' })
      await this.do({ do: 'wait', ms: 200 })
      const { queueLines, unsettledLines, spoolLines } = this.#rig.snapshot()
      if (queueLines + unsettledLines + spoolLines === 0) break
    }
    const { queueLines, unsettledLines, spoolLines, linesDropped } = this.#rig.snapshot()
    assert.deepEqual({ queueLines, unsettledLines, spoolLines, linesDropped }, { queueLines: 0, unsettledLines: 0, spoolLines: 0, linesDropped: {} })
    for (const n of this.#texts.keys()) assert.ok(this.#delivered.has(n) || this.#endangered.has(n), `line ${n} is missing`)
    await this.#restart()
    assert.equal(this.#rig.snapshot().linesReceived, 0, 'nothing is left on the disk')
    await this.#end()
    this.#clock.advance(30000)
    await rest()
    assert.equal(this.#clock.timers, 0, 'a timer is left')
  }

  #nextLine (length: number): string {
    const text = JSON.stringify({ n: this.#texts.length, pad: 'x'.repeat(length) })
    this.#texts.push(text)
    return text
  }

  #begin (): LaneRig {
    // Each life is a process of its own, and the only one alive.
    const owners = new OwnerList()
    const pid = ++this.#lives
    owners.current = { bootId: 'boot', pid, thread: pid, startTime: pid }
    owners.alive.push(owners.current)
    const rig = new LaneRig({ ...this.#options, whenOpen: 'spool', disk: this.#disk, owners, clock: this.#clock })
    rig.lane.start()
    return rig
  }

  /** All that the sink has in its hands arrives. */
  #deliver (): void {
    const child = this.#rig.children.at(-1)
    if (child === undefined || child.isDestroyed || !this.#ready.has(child) || child.sent.length === 0) return
    const before = this.#rig.snapshot().linesDelivered
    const sent = this.#kind === 'delivery' ? child.sent.slice(-1) : child.sent.slice()
    if (this.#kind === 'delivery') child.settle()
    else child.deliver()
    if (this.#rig.lane.snapshot().linesDelivered === before) return
    for (const { lines } of sent) this.#note(lines.bytes)
  }

  #note (bytes: Buffer): void {
    for (const line of bytes.toString().split('\n').slice(0, -1)) {
      const { n } = JSON.parse(line) as { n: number }
      this.#delivered.add(n)
      for (; this.#delivered.has(this.#next) || (this.#next < n && this.#endangered.has(this.#next)); this.#next++);
      if (this.#next < n) this.isOutOfOrder = true
    }
  }

  /** A line keeps its id as long as the lane lives, and that of the disk for ever. No other line ever has it. */
  #noteIds (parcel: Parcel): void {
    if (this.#seen.has(parcel)) return
    this.#seen.add(parcel)
    const { id: first, lines: { bytes, count } } = parcel
    const ids = idOfEach(parcel, bytes, count)
    assert.equal(ids[0], first)
    for (const [place, line] of bytes.toString().split('\n').slice(0, -1).entries()) {
      const { n } = JSON.parse(line) as { n: number }
      const given = ids[place] as string
      const isOfDisk = !given.startsWith('life:')
      const id = isOfDisk ? given : `${this.#lives}-${given}`
      assert.equal(this.#lineOf.get(id) ?? n, n, `${id} is the id of two lines`)
      this.#lineOf.set(id, n)
      const known = this.#idsOf.get(n)
      if (known?.life === this.#lives) assert.equal(id, known.id, `line ${n} has two ids in one life`)
      if (known?.ofDisk !== undefined) assert.equal(id, known.ofDisk, `line ${n} has had another id`)
      this.#idsOf.set(n, { life: this.#lives, id, ofDisk: isOfDisk ? id : known?.ofDisk })
    }
  }

  #heal (): void {
    this.#disk.heal()
    this.#disk.allow(Infinity)
  }

  async #restart (): Promise<void> {
    this.#heal()
    await rest()
    // A disk that is well again is tried within a second, and then has room for all.
    this.#clock.advance(1300)
    await rest()
    await this.#end()
    assert.deepEqual(this.#rig.snapshot().linesDropped, {})
    this.#rig = this.#begin()
    await rest()
  }

  /** The end of a transport; an orderly one of the sink is one of its children. */
  async #end (): Promise<void> {
    const { lane } = this.#rig
    const deadline = this.#clock.now() + CLOSE_TIMEOUT_MS
    let isOver = false
    lane.drain(deadline).then(() => lane.end(deadline)).then(() => { isOver = true })
    for (let passed = 0; passed <= CLOSE_TIMEOUT_MS + 100; passed += 50) {
      await rest()
      this.#clock.advance(50)
    }
    await rest()
    assert.ok(isOver, 'the deadline is over, and the lane is not')
    this.#rig.check()
    const { queueLines, unsettledLines } = this.#rig.snapshot()
    assert.deepEqual({ queueLines, unsettledLines }, { queueLines: 0, unsettledLines: 0 })
  }

  /** The process is killed: what was in its memory alone is gone. */
  #crash (): void {
    this.#disk.kill()
    const onDisk = this.#disk.paths.filter(path => path.endsWith('.ndjson')).map(path => this.#disk.contentOf(path).toString()).join('')
    for (const [n, text] of this.#texts.entries()) if (!onDisk.includes(`${text}\n`)) this.#endangered.add(n)
    this.#clock.take()
    this.#rig = this.#begin()
  }
}

for (const kind of ['stream', 'delivery'] as const) {
  t.test(`whatever happens to a lane with a spool and a ${kind} sink, and to its disk and its process, each line is in one place, and what reached the disk arrives`, async () => {
    await check(kind, options, fc.oneof(...commonSteps, ...faultsOfDisk))
  })

  t.test(`a queue that is full costs a lane with a spool and a ${kind} sink no line, and not the order, as long as the disk takes them`, async () => {
    await check(kind, tightOptions, fc.oneof(...commonSteps), course => assert.ok(!course.isOutOfOrder || course.mayProbeWithOthers, 'out of order'))
  })
}

async function check (kind: SinkKind, options: fc.Arbitrary<LaneRigOptions>, step: fc.Arbitrary<Step>, verify: (course: Course) => void = () => {}): Promise<void> {
  const clock = new HandClock()
  try {
    await fc.assert(fc.asyncProperty(options, fc.array(step, { maxLength: 60, size: 'max' }), async (options, steps) => {
      const course = new Course(kind, options, clock.take())
      await rest()
      for (const step of steps) await course.do(step)
      await course.finish()
      verify(course)
    }), { numRuns: RUNS })
  } finally {
    clock.release()
  }
}
