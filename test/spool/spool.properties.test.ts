import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { freshLines, type Lines } from '#lib/batch'
import type { Position, SpooledLines } from '#lib/spool/position'
import { Spool } from '#lib/spool/spool'
import { HandClock } from '../support/hand-clock.js'
import { MemoryDisk, type DiskCall, type DiskFault, type Wreckage } from '../support/memory-disk.js'
import { FOLDER, OwnerList, rest, textsOf } from '../support/spool-rig.js'

const RUNS = Number(process.env['SPOOL_RUNS'] ?? 500)

type Step =
  | { do: 'append', lengths: number[] }
  /** Appends lines that somebody else holds too. */
  | { do: 'keep', lengths: number[] }
  /** Appends the returned lines again. */
  | { do: 'again' }
  | { do: 'read', maxBytes: number }
  /** Settles one of the handouts: all of its lines, or only the first. */
  | { do: 'settle', which: number, isWhole: boolean }
  | { do: 'rewind' | 'sync' | 'reopen' | 'kill' }
  | { do: 'wait', ms: number }
  | { do: 'fail', call: DiskCall, fault: DiskFault }
  | { do: 'fill', freeBytes: number }
  | { do: 'cut', wreckage: Wreckage, choices: number[] }
  /** A short run, which may end while lines are still being counted. It gets lines after `entering` calls of the disk. */
  | { do: 'interrupt', entering: number, lengths: number[], writing: number, ms: number, isClosed: boolean }

/** A step, and the number of disk calls that may continue after it. */
interface Timed {
  step: Step
  calls: number
}

const call = fc.constantFrom<DiskCall>('write', 'write', 'write', 'sync', 'sync', 'read', 'open', 'create', 'truncate', 'close', 'syncFolder', 'rename', 'remove')
const fault = fc.oneof(
  fc.record({ code: fc.constantFrom('EIO', 'ENOSPC') }),
  fc.record({ shortBytes: fc.nat(60) })
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('append' as const), lengths: fc.array(fc.oneof({ weight: 15, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.constantFrom(150, 500) }), { minLength: 1, maxLength: 6 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('keep' as const), lengths: fc.array(fc.oneof({ weight: 15, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.constantFrom(150, 500) }), { minLength: 1, maxLength: 6 }) }) },
  { weight: 3, arbitrary: fc.constant<Step>({ do: 'again' }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('read' as const), maxBytes: fc.constantFrom(1, 60, 200, 5000) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('settle' as const), which: fc.nat(3), isWhole: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'rewind' }, { do: 'reopen' }, { do: 'kill' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'sync' }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(10, 400, 1100) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('fail' as const), call, fault }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fill' as const), freeBytes: fc.nat(300) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), wreckage: fc.constantFrom<Wreckage>('nothing', 'zeros', 'garbage'), choices: fc.array(fc.nat(1000), { maxLength: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('interrupt' as const), entering: fc.nat(25), lengths: fc.array(fc.nat(40), { minLength: 1, maxLength: 6 }), writing: fc.nat(15), ms: fc.constantFrom(0, 1100), isClosed: fc.boolean() }) }
)
const timed: fc.Arbitrary<Timed> = fc.record({ step, calls: fc.oneof({ weight: 2, arbitrary: fc.nat(4) }, { weight: 3, arbitrary: fc.constant(Infinity) }) })
const settings = fc.record({ maxBytes: fc.constantFrom(300, 900, 1e6), segmentBytes: fc.constantFrom(1, 120, 400, 1e6), syncMs: fc.constantFrom(50, 1000) })

/** Lines that were handed out, and their numbers in the model. */
interface Out {
  lines: SpooledLines
  numbers: number[]
}

/** A spool on a disk that fails, and a model: plain lists of lines with which it has to agree. */
class Course {
  readonly disk = new MemoryDisk()
  readonly #clock: HandClock
  readonly #settings: { maxBytes: number, segmentBytes: number, syncMs: number }
  #spool!: Spool
  #isOpen = false
  #next = 0
  /** Appended lines without an outcome yet. */
  #pending: number[] = []
  /** Lines passed to `keep` without an outcome yet. */
  #keeping: number[] = []
  /** Lines that were returned since the disk did not take them. */
  #back: number[] = []
  /** Lines on the disk that are to be read, in order. */
  #waiting: number[] = []
  #out: Out[] = []
  /** Each line that may be on the disk, in the order of appending. A line that came back is listed again. */
  #appended: number[] = []
  /** Lines that must survive a power cut. */
  readonly #safe = new Set<number>()
  /** Lines that the disk failed to sync once. They may be lost even if a later sync succeeds. */
  readonly #doubtful = new Set<number>()
  /** Delivered lines. They come again if the cursor was not written after that. */
  readonly #settled = new Set<number>()
  /** Size of the spool at its start. It may exceed the limit: a power cut can undo the removal of segments. */
  #bytesFound = 0
  received = 0
  ended = 0

  constructor (settings: { maxBytes: number, segmentBytes: number, syncMs: number }, clock: HandClock) {
    this.#settings = settings
    this.#clock = clock
  }

  /** Starts a run: reads all lines on the disk once and checks them. */
  async begin (mustHave: ReadonlySet<number>): Promise<void> {
    this.disk.heal()
    this.disk.allow(Infinity)
    this.#clock.take()
    this.#pending = []
    this.#keeping = []
    this.#waiting = []
    this.#out = []
    let recoveredLines = -1
    let damaged = 0
    const taken: SpooledLines[] = []
    const life = this.#spool = new Spool({ folder: FOLDER, ...this.#settings }, { fs: this.disk, owners: new OwnerList(), clock: this.#clock, random: () => 0.5 }, {
      onEntered: () => {},
      onFound: () => {},
      onOpened: ({ lines }) => { recoveredLines = lines },
      onHindered: ({ kind }) => assert.fail(`hindered: ${kind}`),
      onWritten: lines => { this.#waiting.push(...this.#pending.splice(0, lines)) },
      onKept: (lines, place) => this.#onKept(this.#keeping.splice(0, lines), place),
      onReturned: lines => this.#onReturned(lines),
      onWritable: () => {},
      onLines: lines => this.#isOpen ? this.#onLines(lines) : taken.push(lines),
      onDropped: (lines, reason) => {
        if (!this.#isOpen) {
          damaged += lines
          return
        }
        // A pending line that is too long for the whole spool is dropped without ever waiting.
        const isTooLong = reason === 'spool-full' && life.pending.lines < this.#pending.length
        for (const number of isTooLong ? this.#pending.splice(0, 1) : this.#waiting.splice(0, lines)) this.#safe.delete(number)
        this.ended += lines
      },
      onFault: ({ during }) => {
        if (during === 'sync') for (const number of this.#here) if (!this.#safe.has(number)) this.#doubtful.add(number)
      }
    })
    life.start()
    await rest()
    assert.notEqual(recoveredLines, -1, 'it always opens')
    assert.equal(life.lines, recoveredLines)
    this.#bytesFound = life.bytes
    for (let had = -1; had !== taken.length;) {
      had = taken.length
      life.read(200)
      await rest()
    }
    const numbers = taken.flatMap(({ bytes }) => this.#numbersOf(bytes))
    assert.equal(numbers.length + damaged, recoveredLines, 'lines are counted correctly')
    this.#checkRecovered(numbers, mustHave)
    life.rewind()
    this.#isOpen = true
    this.#waiting = numbers
    this.received += numbers.length
    this.check()
  }

  async do ({ step, calls }: Timed): Promise<void> {
    this.disk.allow(0)
    switch (step.do) {
      case 'append':
        this.#append(step.lengths.map(length => this.#make(this.#next++, length)))
        break
      case 'keep':
        this.#keep(step.lengths.map(length => this.#make(this.#next++, length)))
        break
      case 'again':
        if (this.#back.length > 0) this.#append(this.#back.splice(0).map(number => ({ number, text: this.#texts.get(number) as string })))
        break
      case 'read':
        this.#spool.read(step.maxBytes)
        break
      case 'settle':
        this.#settle(step.which, step.isWhole)
        break
      case 'rewind':
        // Lines whose segment is removed do not come back: they stay outstanding.
        for (const out of this.#out.filter(({ lines }) => this.#spool.has(lines))) this.#waiting.push(...out.numbers)
        this.#out = this.#out.filter(({ lines }) => !this.#spool.has(lines))
        this.#sortWaiting()
        this.#spool.rewind()
        break
      case 'sync': {
        const numbers = [...this.#waiting, ...this.#pending, ...this.#keeping, ...this.#out.flatMap(({ numbers }) => numbers)]
        const { received } = this
        this.#spool.sync().then(isSynced => {
          if (!isSynced || received > this.received) return
          for (const number of numbers) if (this.#isHere(number) && !this.#doubtful.has(number) && !this.#settled.has(number)) this.#safe.add(number)
        })
        break
      }
      case 'wait':
        this.#clock.advance(step.ms)
        break
      case 'fail':
        this.disk.fail(step.call, step.fault)
        break
      case 'fill':
        this.disk.capacityBytes = this.disk.paths.reduce((sum, path) => sum + this.disk.contentOf(path).length, 0) + step.freeBytes
        break
      case 'reopen': {
        this.disk.heal()
        this.disk.allow(Infinity)
        await this.#spool.close(this.#clock.now() + 1000)
        assert.equal(this.#clock.timers, 0, 'a timer is left')
        assert.deepEqual(this.#pending, [], 'every line is written or returned')
        assert.ok(!this.disk.paths.some(path => path.includes('lock')), 'the lock is released')
        return await this.#beginAgain(this.#here)
      }
      case 'interrupt':
        return await this.#interrupt(step)
      case 'kill':
        this.disk.kill()
        return await this.#beginAgain(this.#here)
      case 'cut': {
        let turn = 0
        this.disk.cutPower(step.wreckage, max => max === 0 ? 0 : (step.choices[turn++ % Math.max(1, step.choices.length)] ?? 0) % (max + 1))
        return await this.#beginAgain([...this.#safe].filter(number => this.#isHere(number)))
      }
    }
    await rest()
    this.check()
    this.disk.allow(calls)
    await rest()
    this.check()
  }

  check (): void {
    const { pending, lines, outstandingLines, bytes } = this.#spool
    assert.equal(pending.lines, this.#pending.length, 'lines that are being written')
    assert.equal(lines, this.#waiting.length, 'lines that wait')
    const outHere = this.#out.filter(({ lines }) => this.#spool.has(lines)).reduce((sum, { numbers }) => sum + numbers.length, 0)
    assert.equal(outstandingLines, outHere, 'outstanding lines')
    assert.ok(bytes <= Math.max(this.#settings.maxBytes, this.#bytesFound), 'it is no larger than it may be')
    const outLines = this.#out.reduce((sum, { numbers }) => sum + numbers.length, 0)
    assert.equal(this.received, this.ended + this.#pending.length + this.#keeping.length + this.#back.length + this.#waiting.length + outLines, 'each line is in exactly one place')
  }

  readonly #texts = new Map<number, string>()

  #make (number: number, length: number): { number: number, text: string } {
    const text = `{"n":${number},"x":"${'x'.repeat(length)}"}\n`
    this.#texts.set(number, text)
    this.received++
    return { number, text }
  }

  #append (lines: ReadonlyArray<{ number: number, text: string }>): void {
    const numbers = lines.map(({ number }) => number)
    if (this.#spool.append(freshLines(Buffer.from(lines.map(({ text }) => text).join('')), lines.length, numbers[0] as number))) {
      this.#pending.push(...numbers)
      this.#appended.push(...numbers)
    } else {
      this.#back.push(...numbers)
    }
  }

  #keep (lines: ReadonlyArray<{ number: number, text: string }>): void {
    const numbers = lines.map(({ number }) => number)
    if (this.#spool.keep(lines.map(({ number, text }) => freshLines(Buffer.from(text), 1, number)))) {
      this.#keeping.push(...numbers)
      this.#appended.push(...numbers)
    } else {
      this.ended += lines.length
    }
  }

  #onKept (numbers: number[], place: Position | undefined): void {
    if (place === undefined) {
      this.ended += numbers.length
    } else {
      this.#out.push({ lines: { ...place, bytes: Buffer.from(numbers.map(number => this.#texts.get(number)).join('')), count: numbers.length }, numbers })
    }
  }

  #onReturned (lines: readonly Lines[]): void {
    const numbers = lines.flatMap(({ bytes }) => this.#numbersOf(bytes))
    assert.deepEqual(numbers, this.#pending, 'exactly the unwritten lines come back')
    this.#pending = []
    this.ended += this.#keeping.splice(0).length
    this.#back.unshift(...numbers)
  }

  #onLines (lines: SpooledLines): void {
    const numbers = this.#numbersOf(lines.bytes)
    assert.equal(lines.count, numbers.length)
    assert.deepEqual(numbers, this.#waiting.splice(0, numbers.length), 'lines come in order')
    this.#out.push({ lines, numbers })
  }

  #settle (which: number, isWhole: boolean): void {
    const out = this.#out[which]
    if (out === undefined) return
    const count = isWhole ? out.numbers.length : 1
    const end = isWhole ? out.lines.bytes.length : out.lines.bytes.indexOf(10) + 1
    const { segment, offset, bytes } = out.lines
    this.#spool.settle({ segment, offset, bytes: bytes.subarray(0, end), count })
    const settled = out.numbers.splice(0, count)
    for (const number of settled) {
      this.#settled.add(number)
      this.#safe.delete(number)
    }
    this.ended += count
    out.lines = { segment, offset: offset + end, bytes: bytes.subarray(end), count: out.lines.count - count }
    if (out.numbers.length === 0) this.#out.splice(which, 1)
  }

  #numbersOf (bytes: Buffer): number[] {
    return textsOf(bytes).map(text => {
      const { n } = JSON.parse(text) as { n: number }
      assert.equal(`${text}\n`, this.#texts.get(n), 'a line is as it was')
      return n
    })
  }

  get #here (): number[] {
    return [...this.#waiting, ...this.#out.filter(({ lines }) => this.#spool.has(lines)).flatMap(({ numbers }) => numbers)]
  }

  #isHere (number: number): boolean {
    return this.#here.includes(number)
  }

  #sortWaiting (): void {
    const place = new Map(this.#appended.map((number, i) => [number, i]))
    this.#waiting.sort((a, b) => (place.get(a) as number) - (place.get(b) as number))
  }

  /** Runs a spool that hands out no lines: both the earlier lines and those that it has written must be there afterwards. */
  async #interrupt ({ entering, lengths, writing, ms, isClosed }: Step & { do: 'interrupt' }): Promise<void> {
    this.disk.kill()
    this.disk.heal()
    this.#clock.take()
    const mustHave = this.#here
    const lines = lengths.map(length => this.#make(this.#next++, length))
    const numbers = lines.map(({ number }) => number)
    let hasDropped = false
    let bytesFound = this.#bytesFound
    const life = new Spool({ folder: FOLDER, ...this.#settings }, { fs: this.disk, owners: new OwnerList(), clock: this.#clock, random: () => 0.5 }, {
      onEntered: () => {},
      // Segments whose removal had failed are found again.
      onFound: () => { bytesFound = Math.max(bytesFound, life.bytes) },
      onOpened: () => { bytesFound = Math.max(bytesFound, life.bytes) },
      onHindered: ({ kind }) => assert.fail(`hindered: ${kind}`),
      onWritten: lines => { mustHave.push(...numbers.splice(0, lines)) },
      onKept: () => {},
      onReturned: () => {},
      onWritable: () => {},
      onLines: () => {},
      onDropped: () => { hasDropped = true },
      onFault: () => {}
    })
    this.disk.allow(entering)
    life.start()
    await rest()
    if (life.append(freshLines(Buffer.from(lines.map(({ text }) => text).join('')), lines.length, numbers[0] as number))) this.#appended.push(...numbers)
    this.disk.allow(writing)
    await rest()
    this.#clock.advance(ms)
    await rest()
    assert.ok(life.bytes <= Math.max(this.#settings.maxBytes, bytesFound), 'it is no larger than it may be')
    if (isClosed) {
      this.disk.allow(Infinity)
      await life.close(this.#clock.now() + 1000)
      assert.equal(this.#clock.timers, 0, 'a timer is left')
    }
    this.disk.kill()
    this.ended += lines.length
    await this.#beginAgain(hasDropped ? [] : mustHave)
  }

  async #beginAgain (mustHave: readonly number[]): Promise<void> {
    // The lines in memory are gone with the process.
    this.ended += this.#pending.length + this.#keeping.length + this.#back.length + this.#waiting.length + this.#out.reduce((sum, { numbers }) => sum + numbers.length, 0)
    this.#back = []
    this.#isOpen = false
    await this.begin(new Set(mustHave))
  }

  #checkRecovered (numbers: readonly number[], mustHave: ReadonlySet<number>): void {
    const place = new Map(this.#appended.map((number, i) => [number, i]))
    let last = -1
    for (const number of numbers) {
      const at = place.get(number)
      assert.ok(at !== undefined, 'every line was appended')
      assert.ok(at > last, 'lines are in order, each once')
      last = at
    }
    const has = new Set(numbers)
    for (const number of mustHave) assert.ok(has.has(number), `line ${number} is missing`)
    this.#safe.clear()
    for (const number of numbers) if (!this.#doubtful.has(number) && !this.#settled.has(number)) this.#safe.add(number)
  }

  async end (): Promise<void> {
    await this.do({ step: { do: 'reopen' }, calls: Infinity })
    this.disk.kill()
    this.#clock.release()
  }
}

t.test('whatever happens to its disk, a spool agrees with a plain list of lines, and no synced line is lost', { timeout: 3600000 }, async () => {
  const clock = new HandClock()
  t.teardown(() => clock.release())
  await fc.assert(fc.asyncProperty(settings, fc.array(timed, { maxLength: 60, size: 'max' }), async (settings, steps) => {
    const course = new Course(settings, clock)
    await course.begin(new Set())
    for (const timed of steps) await course.do(timed)
    await course.end()
  }), { numRuns: RUNS })
})
