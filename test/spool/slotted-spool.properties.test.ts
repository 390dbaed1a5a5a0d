import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import type { Owner } from '#lib/spool/owner'
import { HandClock } from '../support/hand-clock.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { OwnerList, rest, SpoolRig, textsOf } from '../support/spool-rig.js'

const RUNS = Number(process.env['SLOT_RUNS'] ?? 200)

/** An event for some transports with the same options. `who` selects one of the live ones. */
type Step =
  | { do: 'start' }
  | { do: 'append', who: number, lines: number }
  | { do: 'read', who: number, maxBytes: number }
  | { do: 'settle' | 'end' | 'kill', who: number }
  | { do: 'wait', ms: number }
  | { do: 'hang', calls: number }
  | { do: 'fail', call: 'open' | 'create' | 'read' | 'remove' | 'removeFolder' | 'list' | 'rename' | 'syncFolder' }
  | { do: 'heal' }

const who = fc.nat(3)
const steps: fc.WeightedArbitrary<Step>[] = [
  { weight: 3, arbitrary: fc.constant<Step>({ do: 'start' }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), who, lines: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('read' as const), who, maxBytes: fc.constantFrom(20, 100, 10000) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('settle' as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('end' as const, 'kill' as const), who }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(20, 1200, 12000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hang' as const), calls: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), call: fc.constantFrom('open' as const, 'create' as const, 'read' as const, 'remove' as const, 'removeFolder' as const, 'list' as const, 'rename' as const, 'syncFolder' as const) }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'heal' }) }
]

interface Life { rig: SpoolRig, owner: Owner, isKilled: boolean, isEnding: boolean }

/** A line: the run that wrote it, and its number within that run. */
interface Line { life: number, n: number }

const clock = new HandClock()

/** Transports with the same options that start and end, on one disk. */
class Course {
  readonly #disk = new MemoryDisk()
  readonly #lives: Life[] = []
  /** How many lines of each run were reported to be on the disk. */
  readonly #written: number[] = []
  readonly #appended: number[] = []
  /** The lines of each run that its spool has kept, in order. A disk that takes none of them gives them back to the lane. */
  readonly #kept: number[][] = []
  readonly #delivered = new Set<string>()

  /** The process ids of the live transports. */
  readonly #owners = new Set<number>()

  constructor () {
    this.#disk.put('/spool/loki.x/0000000001.ndjson', 'not its own')
  }

  get #alive (): Life[] {
    return this.#lives.filter(({ owner, isEnding }) => !isEnding && this.#owners.has(owner.pid))
  }

  async do (step: Step): Promise<void> {
    const all = this.#alive
    const life = 'who' in step ? all[step.who % Math.max(1, all.length)] : undefined
    switch (step.do) {
      case 'start': if (all.length < 4) this.#start(); break
      case 'append': if (life !== undefined) this.#append(life, step.lines); break
      case 'read': life?.rig.spool.read(step.maxBytes); break
      case 'settle': if (life !== undefined) this.#settle(life); break
      case 'end': if (life !== undefined) this.#end(life); break
      case 'kill': if (life !== undefined) this.#kill(life); break
      case 'wait': clock.advance(step.ms); break
      case 'hang': this.#disk.allow(step.calls); break
      case 'fail': this.#disk.fail(step.call, { code: 'EIO' }); break
      case 'heal': this.#heal()
    }
    await rest()
    for (const [index, { rig }] of this.#lives.entries()) {
      for (const { texts } of rig.returned.splice(0)) this.#takeBack(index, texts)
      this.#written[index] = rig.written
    }
  }

  /** Starts a last transport on a healthy disk. It must deliver all lines that were ever written. */
  async finish (): Promise<void> {
    this.#heal()
    await rest()
    for (const life of this.#alive) this.#kill(life)
    this.#start()
    const last = this.#lives.at(-1) as Life
    for (let idle = 0; idle < 6; idle++) {
      last.rig.spool.read(1000)
      await rest()
      if (last.rig.given.length > 0) idle = 0
      this.#settle(last)
      clock.advance(12000)
      await rest()
    }
    for (const [life, lines] of this.#written.entries()) {
      for (const n of (this.#kept[life] as number[]).slice(0, lines)) assert.ok(this.#delivered.has(`${life}:${n}`), `line ${n} of life ${life} is missing`)
    }
    assert.equal(last.rig.spool.lines, 0)
    this.#end(last)
    await rest()
    assert.deepEqual(this.#disk.paths.filter(path => /\/loki\/(lock\.|.*ndjson$)/.test(path)), [], 'nothing is left')
    assert.deepEqual(this.#disk.paths.filter(path => !path.startsWith('/spool/loki/')), ['/spool/loki.x/0000000001.ndjson'], 'other files are unchanged')
    assert.equal(this.#disk.contentOf('/spool/loki.x/0000000001.ndjson').toString(), 'not its own')
  }

  #start (): void {
    const index = this.#lives.length
    const pid = index + 1
    const owner = { bootId: 'boot', pid, thread: pid, startTime: pid }
    const owners = new OwnerList()
    owners.current = owner
    owners.isAlive = async ({ pid }) => this.#owners.has(pid)
    this.#owners.add(pid)
    // A killed transport makes no more calls to the disk, while the others go on.
    const gate = gateOf(this.#disk, () => !life.isKilled)
    const rig = new SpoolRig({ fs: gate, owners, isSlotted: true, segmentBytes: 60, random: () => (index * 0.37) % 1 }, clock)
    const life: Life = { rig, owner, isKilled: false, isEnding: false }
    this.#lives.push(life)
    this.#appended.push(0)
    this.#kept.push([])
    this.#written.push(0)
    rig.spool.start()
  }

  #append ({ rig, owner }: Life, lines: number): void {
    const index = owner.pid - 1
    const from = this.#appended[index] as number
    const numbers = Array.from({ length: lines }, (_, i) => from + i)
    if (!rig.append(...numbers.map(n => JSON.stringify({ life: index, n })))) return
    this.#appended[index] = from + lines
    this.#kept[index]?.push(...numbers)
  }

  #takeBack (index: number, texts: readonly string[]): void {
    const returned = new Set(texts.map(text => (JSON.parse(text) as Line).n))
    this.#kept[index] = (this.#kept[index] as number[]).filter(n => !returned.has(n))
  }

  /** Settles the lines that a transport was given. Within a run, each line must come after the one before it. */
  #settle ({ rig }: Life): void {
    for (const lines of rig.given.splice(0)) {
      for (const text of textsOf(lines.bytes)) {
        const { life, n } = JSON.parse(text) as Line
        const kept = this.#kept[life] as number[]
        const before = kept[kept.indexOf(n) - 1]
        assert.ok(before === undefined || this.#delivered.has(`${life}:${before}`), `line ${n} of life ${life} comes before the one before it`)
        this.#delivered.add(`${life}:${n}`)
      }
      rig.spool.settle(lines)
    }
  }

  #end (life: Life): void {
    life.isEnding = true
    life.rig.given.length = 0
    life.rig.spool.rewind()
    const { pid } = life.owner
    life.rig.spool.close(clock.now() + 5000).then(() => this.#owners.delete(pid))
  }

  #kill (life: Life): void {
    life.isKilled = true
    this.#owners.delete(life.owner.pid)
    life.rig.given.length = 0
  }

  #heal (): void {
    this.#disk.heal()
    this.#disk.allow(Infinity)
  }
}

/** The disk, or a file on it, as used by one process. Once the process is gone, calls do nothing and never settle. */
function gateOf<T extends object> (all: T, isThere: () => boolean): T {
  return new Proxy(all, {
    get (target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        if (!isThere()) return await new Promise(() => {})
        const result: unknown = await value.apply(target, args)
        if (!isThere()) return await new Promise(() => {})
        return name === 'open' || name === 'create' ? gateOf(result as object, isThere) : result
      }
    }
  })
}

t.test('whatever happens to transports with the same options, every line that was written is delivered, in order', { timeout: 3000000 }, async t => {
  clock.take()
  try {
    await fc.assert(fc.asyncProperty(fc.array(fc.oneof(...steps), { maxLength: 60 }), async all => {
      clock.take()
      const course = new Course()
      await course.do({ do: 'start' })
      for (const one of all) await course.do(one)
      await course.finish()
    }), { numRuns: RUNS, endOnFailure: false })
  } finally {
    clock.release()
  }
  t.pass(`${RUNS} runs`)
})
