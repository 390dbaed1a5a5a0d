import t from 'tap'
import type { Need } from '#lib/app-thread'
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
  held = ''
  need: Need = 'nothing'
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
      needOfWriter: () => this.need,
      onResume: () => {
        this.resumed++
        const { held } = this
        this.held = ''
        if (held !== '') this.write(held)
      }
    })
    this.gathering.useLevels(new LevelNames(levels))
  }

  write (...chunks: Content[]): void {
    for (const chunk of chunks) this.gathering.write(chunk, () => { this.done++ })
  }

  hold (text: string): void {
    this.held += text
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

  t.test('but after 80 ms where every sink gathers lines for longer', async t => {
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

t.test('at a steady rate, the writer pauses', async t => {
  const text = (lines: number): string => 'x'.repeat(99).concat('\n').repeat(lines)

  /** What an app writes in some milliseconds, at a rate of lines in a millisecond. Lines that come during a pause are held. */
  const log = (rig: Rig, ms: number, rate: number): void => {
    let [due, written] = [0, 0]
    for (let n = 0; n < ms; n++) {
      clock.advance(1)
      due += rate
      const lines = Math.floor(due - written)
      written += lines
      if (lines === 0) continue
      if (rig.gathering.isPausing) rig.hold(text(lines))
      else rig.write(text(lines))
    }
  }
  const withoutText = (content: Content): string => content.toString().replace(/x+\n/g, '')
  /** The numbers of lines that were handed on since the last call. */
  const takeWorked = (rig: Rig): number[] => rig.worked.splice(0).map(({ length }) => length / 100)

  for (const { rate, waitMs, pauseMs, gather } of [
    { rate: 1, waitMs: 8, pauseMs: 8 },
    { rate: 10, waitMs: 8, pauseMs: 8 },
    { rate: 0.5, waitMs: 16, pauseMs: 16 },
    { rate: 0.25, waitMs: 32, pauseMs: 32 },
    { rate: 0.16, waitMs: 80, pauseMs: 40 },
    { rate: 0.1, waitMs: 80, pauseMs: 40 },
    { rate: 0.06, waitMs: 80, pauseMs: 40 },
    { rate: 1, waitMs: 80, pauseMs: 40, gather: 'all' as const }
  ]) {
    t.test(`of ${rate * 1000} lines a second for ${pauseMs} ms, and lines go after ${waitMs} ms${gather === 'all' ? ', where every sink gathers them for longer' : ''}`, async t => {
      const rig = new Rig(gather)
      log(rig, 500, rate)
      takeWorked(rig)
      rig.resumed = 0
      log(rig, 4000, rate)
      const worked = takeWorked(rig)
      // A wait ends in its last quarter if lines come then.
      t.ok(worked.length >= 4000 / waitMs * 0.9 && worked.length <= 4000 / waitMs * 1.34, `${worked.length} times`)
      t.ok(rig.resumed >= 4000 / pauseMs * 0.9 && rig.resumed <= 4000 / pauseMs * 1.34, `${rig.resumed} pauses`)
      rig.gathering.flush()
      clock.advance(1000)
      t.equal(clock.timers, 0)
    })
  }

  /** A writer that pauses at this rate. */
  const steady = (rate: number, gather?: GatheringDeps['sinksGather']): Rig => {
    const rig = new Rig(gather)
    log(rig, 500, rate)
    while (!rig.gathering.isPausing) log(rig, 1, rate)
    rig.held = ''
    takeWorked(rig)
    return rig
  }

  t.test('but not at 40 lines a second, nor before the rate is known', async t => {
    const slow = new Rig()
    log(slow, 5000, 0.04)
    t.equal(slow.resumed, 0)
    const young = new Rig()
    log(young, 95, 1)
    t.equal(young.resumed, 0)
    t.notOk(young.gathering.isPausing)
    log(young, 30, 1)
    t.ok(young.gathering.isPausing)
  })

  t.test('until somebody waits: what the pause brings goes with what was gathered', async t => {
    const rig = steady(1)
    rig.write('a')
    rig.hold('b')
    let isFlushed = false
    rig.resumed = 0
    rig.gathering.flush(() => { isFlushed = true })
    t.same(rig.worked.map(withoutText), ['ab'])
    t.ok(isFlushed)
    t.equal(rig.resumed, 1)
    t.equal(clock.timers, 0)
  })

  t.test('and what comes all the same is gathered', async t => {
    const rig = steady(0.1)
    const { done } = rig
    rig.write('a', 'b')
    t.same(rig.worked, [])
    t.equal(rig.done, done + 2, 'nothing is held up that was written')
    clock.advance(80)
    t.same(rig.worked.map(withoutText), ['ab'])
  })

  t.test('and a line at level error goes with what the pause brings', async t => {
    const rig = steady(0.1)
    rig.hold(line(50))
    clock.advance(40)
    t.notOk(rig.gathering.isPausing && rig.worked.length === 0)
    t.match(rig.worked.at(-1), /"level":50/)
  })

  t.test('and the rate is measured anew after a burst, and after a while without lines', async t => {
    for (const disturb of [(rig: Rig) => rig.write(text(656)), () => clock.advance(200)]) {
      const rig = steady(1)
      disturb(rig)
      clock.advance(20)
      rig.write(text(1))
      rig.resumed = 0
      log(rig, 90, 1)
      t.equal(rig.resumed, 0)
      log(rig, 50, 1)
      t.ok(rig.resumed > 0)
    }
  })

  t.test('and after three pauses that brought less than half of what came before', async t => {
    const rig = steady(1)
    rig.resumed = 0
    log(rig, 200, 0.4)
    t.ok(rig.resumed >= 3 && rig.resumed <= 8, `${rig.resumed} pauses`)
    rig.resumed = 0
    log(rig, 500, 0.4)
    t.ok(rig.resumed >= 20, `${rig.resumed} pauses at the new rate`)
    const same = steady(1)
    same.resumed = 0
    for (let n = 0; n < 20; n++) {
      log(same, 16, 0.4)
      log(same, 16, 1)
    }
    t.ok(same.resumed >= 60, `${same.resumed} pauses: two in a row are no other rate`)
  })

  t.test('and a rate that changes is followed', async t => {
    const rig = steady(1)
    for (let rate = 1; rate > 0.11; rate *= 0.99) log(rig, 40, rate)
    takeWorked(rig)
    log(rig, 4000, 0.1)
    t.ok(takeWorked(rig).length <= 4000 / 80 * 1.34)
    log(rig, 2000, 1)
    takeWorked(rig)
    log(rig, 4000, 1)
    t.ok(takeWorked(rig).length >= 4000 / 8 * 0.9, 'upwards too')
  })

  t.test('and there is none for a while after a writer needed room', async t => {
    const rig = steady(1)
    rig.need = 'room'
    rig.hold(text(8))
    clock.advance(8)
    rig.need = 'nothing'
    t.equal(takeWorked(rig).length, 1)
    t.notOk(rig.gathering.isPausing)
    rig.resumed = 0
    log(rig, 90, 1)
    t.equal(rig.resumed, 0)
    log(rig, 50, 1)
    t.ok(rig.resumed > 0)
  })

  const reasons: Record<string, (rig: Rig) => void> = {
    'a flush': rig => rig.gathering.flush(),
    'a line at level fatal': rig => rig.write(line(60)),
    'a writer that waits during a pause': rig => {
      rig.need = 'lines'
      clock.advance(8)
      rig.need = 'nothing'
    },
    'three pauses that slowed the writer down': rig => {
      for (let n = 0; n < 3; n++) {
        t.ok(rig.gathering.isPausing)
        rig.held = text(1)
        clock.advance(8)
      }
    }
  }
  for (const [name, happen] of Object.entries(reasons)) {
    t.test(`but not for ten seconds after ${name}`, async t => {
      const rig = new Rig()
      while (!rig.gathering.isPausing) log(rig, 1, 1)
      happen(rig)
      clock.advance(8)
      t.notOk(rig.gathering.isPausing)
      rig.resumed = 0
      log(rig, 9900, 1)
      t.equal(rig.resumed, 0)
      log(rig, 400, 1)
      t.ok(rig.resumed > 0, 'then it pauses again')
    })
  }
})
