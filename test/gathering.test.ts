import t from 'tap'
import type { Content } from '#lib/encode'
import { Gathering, type GatheringDeps } from '#lib/gathering'
import { LevelNames, type LevelMap } from '#lib/levels'
import { HandClock } from './support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** A gathering, and the chunks that it has handed on. */
class Rig {
  readonly worked: Content[] = []
  /** Chunks that were taken, and whose writer was called back. */
  done = 0
  /** What had been worked through at each call for hurry. */
  readonly hurried: string[] = []
  /** Set: each chunk is worked through only once this is called. */
  finish: (() => void) | undefined
  isSlow = false
  /** How often the writer was told to go on. */
  resumed = 0
  /** What the writer writes then. */
  held: Content | undefined
  readonly gathering: Gathering

  constructor (sinksGather: GatheringDeps['sinksGather'] = 'none', levels: LevelMap = {}) {
    this.gathering = new Gathering({
      clock,
      levelKey: 'level',
      sinksGather,
      work: (chunk, done) => {
        this.worked.push(chunk)
        if (this.isSlow) this.finish = done
        else done()
      },
      hurry: () => { this.hurried.push(this.worked.join('')) },
      onResume: () => {
        this.resumed++
        if (this.held !== undefined) this.write(this.held)
      }
    })
    this.gathering.useLevels(new LevelNames(levels))
  }

  write (...chunks: Content[]): void {
    for (const chunk of chunks) this.gathering.write(chunk, () => { this.done++ })
  }
}

/** Enough for many lines. */
const many = 'm'.repeat(768)
const line = (level: number | string): string => `{"level":${JSON.stringify(level)},"msg":"hello"}\n`

t.test('a chunk that comes alone goes at once', async t => {
  const rig = new Rig()
  rig.write('a')
  clock.advance(50)
  rig.write('b')
  t.same(rig.worked, ['a', 'b'])
  t.equal(clock.timers, 0)
})

t.test('a few lines that follow closely go together, 50 ms after the last that went', async t => {
  const rig = new Rig()
  rig.write('a', 'b')
  clock.advance(37)
  rig.write('c')
  t.same(rig.worked, ['a'])
  t.equal(rig.done, 3, 'more may come meanwhile')
  clock.advance(12)
  t.same(rig.worked, ['a'])
  clock.advance(1)
  t.same(rig.worked, ['a', 'bc'])
  clock.advance(100)
  t.equal(clock.timers, 0)
})

t.test('a line that comes when others would soon be due takes them with it', async t => {
  const rig = new Rig()
  rig.write('a', 'b')
  clock.advance(38)
  rig.write('c')
  t.same(rig.worked, ['a', 'bc'])
  t.equal(clock.timers, 0)
  rig.write('d', many)
  clock.advance(6)
  rig.write('e')
  t.same(rig.worked.at(-1), `d${many}e`)
  t.equal(clock.timers, 0)
})

t.test('many lines go 8 ms after the last that went', async t => {
  t.test('if they come soon', async t => {
    const rig = new Rig()
    rig.write('a', 'b', many)
    clock.advance(7)
    t.same(rig.worked, ['a'])
    clock.advance(1)
    t.same(rig.worked, ['a', `b${many}`])
    t.equal(clock.timers, 0)
  })

  t.test('if they come late, at once', async t => {
    const rig = new Rig()
    rig.write('a', 'b')
    clock.advance(20)
    rig.write(many)
    t.same(rig.worked, ['a', `b${many}`])
    t.equal(clock.timers, 0)
  })

  t.test('but after 50 ms where every sink gathers lines for longer', async t => {
    const rig = new Rig('all')
    rig.write('a', 'b', many, line(50))
    clock.advance(49)
    t.same(rig.worked, ['a'])
    clock.advance(1)
    t.equal(rig.worked.length, 2)
  })
})

t.test('a line at level error or above waits for 8 ms', async t => {
  for (const level of [50, 'error', 'ERROR', 55, 'bad']) {
    const rig = new Rig('some', { bad: 55 })
    rig.write('a', 'b', line(level))
    clock.advance(7)
    t.same(rig.worked, ['a'])
    clock.advance(1)
    t.same(rig.worked, ['a', `b${line(level)}`])
    t.same(rig.hurried, [])
    rig.write('c')
    clock.advance(8)
    t.equal(rig.worked.length, 2, 'what comes after it waits as ever')
    clock.advance(42)
    t.equal(rig.worked.length, 3)
  }
})

t.test('texts and bytes keep their order', async t => {
  const rig = new Rig()
  rig.write('a', 'ü', Buffer.from('ö'), 'b')
  clock.advance(50)
  t.equal(Buffer.from(rig.worked[1] as Buffer).toString(), 'üöb')
})

t.test('nothing waits', async t => {
  t.test('once there is much', async t => {
    const rig = new Rig()
    rig.write('a', 'b'.repeat(16000), 'c'.repeat(384))
    t.same(rig.worked.map(({ length }) => length), [1, 16384])
  })

  t.test('for a line at level fatal', async t => {
    const rig = new Rig()
    rig.write('a', 'b\n', line(60))
    t.same(rig.worked, ['a', `b\n${line(60)}`])
    t.same(rig.hurried, [`ab\n${line(60)}`], 'nor in a sink that gathers lines')
  })

  t.test('for a line at a level of the app that is as high', async t => {
    for (const level of [60, 'fatal', 'FATAL', 70, 'panic', 'Panic', 80]) {
      const rig = new Rig('none', { panic: 70 })
      rig.write('a', line(level))
      t.same(rig.worked, ['a', line(level)])
      t.equal(rig.hurried.length, 1)
    }
  })

  t.test('for a line with its level at the end', async t => {
    for (const last of ['{"msg":"hello","level":60}\n', Buffer.from('{"größe":1,"level":"fatal"}\n')]) {
      const rig = new Rig()
      rig.write('a', line(30), last)
      t.equal(rig.worked.length, 2)
      t.equal(rig.hurried.length, 1)
    }
  })

  t.test('for a line at fatal, where the app has given that another value', async t => {
    const rig = new Rig('none', { info: 9, warn: 13, error: 17, fatal: 21 })
    rig.write('a', line(17))
    t.equal(rig.hurried.length, 0)
    rig.write(line(21))
    t.equal(rig.hurried.length, 1)
  })

  t.test('and not for each line, where the levels of the app are higher than pino\'s fatal', async t => {
    const rig = new Rig('none', { info: 200, warn: 300, error: 400 })
    rig.write('a', line(200), line(300))
    t.same(rig.worked, ['a'])
  })

  t.test('for a line at level fatal in much text, where a sink gathers lines', async t => {
    for (const sinksGather of ['all', 'some', 'none'] as const) {
      const rig = new Rig(sinksGather)
      rig.write('b'.repeat(20000) + line(60) + 'c'.repeat(20000))
      t.equal(rig.worked.length, 1)
      t.equal(rig.hurried.length, sinksGather === 'none' ? 0 : 1)
    }
    for (const last of [line(60), Buffer.from('b'.repeat(20000) + '\n' + line(60)), 'b'.repeat(20000) + '\n' + line(60)]) {
      const rig = new Rig()
      rig.write('b'.repeat(20000) + '\n', last)
      t.equal(rig.hurried.length, 1, 'the last line is looked at in any case')
    }
  })

  t.test('for a line at level fatal that came while others were being worked through', async t => {
    const rig = new Rig()
    rig.isSlow = true
    rig.write('a', line(60))
    rig.finish?.()
    t.same(rig.worked, ['a', line(60)])
    t.same(rig.hurried, [])
    rig.finish?.()
    t.same(rig.hurried, [`a${line(60)}`])
  })

  t.test('for a flush, which is called back after it', async t => {
    const rig = new Rig()
    rig.write('a', 'b')
    let flushed = ''
    rig.gathering.flush(() => { flushed = rig.worked.join('') })
    t.equal(flushed, 'ab')
    t.equal(clock.timers, 0)
  })
})

t.test('a flush without any chunk is called back at once', async t => {
  const rig = new Rig()
  let isFlushed = false
  rig.gathering.flush(() => { isFlushed = true })
  t.ok(isFlushed)
  t.same(rig.worked, [])
})

t.test('while a chunk is being worked through, the next ones wait and hold their writer back', async t => {
  const rig = new Rig()
  rig.isSlow = true
  rig.write('a', 'b')
  let isFlushed = false
  rig.gathering.flush(() => { isFlushed = true })
  clock.advance(100)
  t.match(rig, { worked: ['a'], done: 0 })
  rig.finish?.()
  t.match(rig, { worked: ['a', 'b'], done: 1 })
  t.notOk(isFlushed)
  rig.finish?.()
  t.equal(rig.done, 2)
  t.ok(isFlushed)
})

t.test('a writer that writes again as it is called back keeps the order', async t => {
  const rig = new Rig()
  rig.gathering.write('a', () => rig.write('b', line(60), 'c'))
  clock.advance(50)
  t.equal(rig.worked.join(''), `ab${line(60)}c`)
})

t.test('at a steady rate of many lines, the writer pauses', async t => {
  const half = 'h'.repeat(400)

  /** A rate of two chunks in some milliseconds. */
  const writeFor = (rig: Rig, turns: number, ms = 10): void => {
    for (let turn = 0; turn < turns; turn++) {
      rig.write(half)
      clock.advance(ms)
      rig.write(half)
    }
  }
  /** A writer that has just been asked to pause. */
  const steady = (sinksGather?: GatheringDeps['sinksGather'], ms = 10): Rig => {
    const rig = new Rig(sinksGather)
    rig.write('first')
    writeFor(rig, 1, ms)
    t.notOk(rig.gathering.isPausing, 'once is no rate')
    writeFor(rig, 1, ms)
    t.ok(rig.gathering.isPausing)
    rig.worked.length = 0
    return rig
  }

  t.test('for 8 ms after each handover, and what it brings then goes at once', async t => {
    const rig = steady()
    rig.held = many
    for (let turn = 1; turn <= 10; turn++) {
      clock.advance(7)
      t.equal(rig.resumed, turn - 1)
      clock.advance(1)
      t.equal(rig.resumed, turn)
      t.equal(rig.worked.length, turn)
      t.ok(rig.gathering.isPausing)
    }
    rig.held = undefined
    clock.advance(1000)
    t.equal(clock.timers, 0)
  })

  t.test('and what it brings need not be quite as much', async t => {
    const rig = steady()
    rig.held = 'm'.repeat(384)
    clock.advance(8)
    t.equal(rig.worked.length, 1)
    t.ok(rig.gathering.isPausing)
    rig.held = 'm'.repeat(383)
    clock.advance(8)
    t.equal(rig.worked.length, 1, 'few lines wait')
  })

  t.test('until somebody waits: what it brings goes with what was gathered', async t => {
    const rig = steady()
    rig.write('a')
    rig.held = 'b'
    let isFlushed = false
    rig.gathering.flush(() => { isFlushed = true })
    t.same(rig.worked, ['ab'])
    t.ok(isFlushed)
    t.equal(rig.resumed, 1)
    t.equal(clock.timers, 0)
  })

  t.test('and what comes all the same is gathered', async t => {
    const rig = steady()
    const { done } = rig
    rig.write('a', 'b')
    t.same(rig.worked, [])
    t.equal(rig.done, done + 2, 'nothing is held up that was written')
    clock.advance(50)
    t.same(rig.worked, ['ab'])
    t.equal(rig.resumed, 1)
  })

  t.test('also while lines are gathered for longer', async t => {
    const rig = steady('all', 45)
    rig.held = many
    clock.advance(8)
    t.equal(rig.resumed, 1)
    t.ok(rig.gathering.isPausing)
    t.same(rig.worked, [])
    clock.advance(42)
    t.equal(rig.worked.length, 1)
    t.equal(rig.resumed, 6)
  })

  t.test('but not with few lines, or in a burst, or after a while without any', async t => {
    for (const last of ['few', 'x'.repeat(64 * 1024)]) {
      const rig = new Rig()
      rig.write('first')
      writeFor(rig, 1)
      clock.advance(10)
      rig.write(last)
      t.notOk(rig.gathering.isPausing, `${last.length} characters`)
    }
    const slow = new Rig()
    slow.write('first')
    writeFor(slow, 1)
    clock.advance(50)
    slow.write(many)
    t.notOk(slow.gathering.isPausing)
  })

  t.test('nor for ten seconds after somebody waited for lines, or after three pauses that were useless', async t => {
    const useless = (held: string | undefined) => (rig: Rig) => {
      for (let n = 0; n < 3; n++) {
        t.ok(rig.gathering.isPausing)
        rig.held = held
        clock.advance(8)
        rig.held = undefined
        if (n < 2 && !rig.gathering.isPausing) rig.write(many)
      }
    }
    const reasons: Array<(rig: Rig) => void> = [
      rig => {
        rig.gathering.flush()
        clock.advance(8)
      },
      rig => {
        rig.write(line(60))
        clock.advance(8)
      },
      useless(undefined),
      useless('x'.repeat(200))
    ]
    for (const reason of reasons) {
      const rig = steady()
      reason(rig)
      // A pause that has begun before goes on.
      clock.advance(8)
      t.notOk(rig.gathering.isPausing)
      rig.write(many)
      for (let ms = 0; ms < 9900; ms += 10) {
        writeFor(rig, 1)
        if (rig.gathering.isPausing) t.fail(`after ${ms + 10} ms`)
      }
      let turns = 0
      while (!rig.gathering.isPausing && turns++ < 20) writeFor(rig, 1)
      t.ok(turns < 20, 'then it pauses again')
      clock.take()
    }
  })
})
