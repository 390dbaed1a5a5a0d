import t from 'tap'
import type { Content } from '#lib/encode'
import { Gathering } from '#lib/gathering'
import { HandClock } from './support/hand-clock.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

/** A gathering, and the chunks that it has handed on. */
class Rig {
  readonly worked: Content[] = []
  /** Chunks that were taken, and whose writer was called back. */
  done = 0
  /** Set: each chunk is worked through only once this is called. */
  finish: (() => void) | undefined
  isSlow = false
  readonly gathering = new Gathering({
    clock,
    urgent: ['"level":60,'],
    work: (chunk, done) => {
      this.worked.push(chunk)
      if (this.isSlow) this.finish = done
      else done()
    }
  })

  write (...chunks: Content[]): void {
    for (const chunk of chunks) this.gathering.write(chunk, () => { this.done++ })
  }
}

t.test('a chunk that comes alone goes at once', async t => {
  const rig = new Rig()
  rig.write('a')
  clock.advance(8)
  rig.write('b')
  t.same(rig.worked, ['a', 'b'])
  t.equal(clock.timers, 0)
})

t.test('chunks that follow closely go together, 8 ms after the last that went', async t => {
  const rig = new Rig()
  rig.write('a', 'b')
  clock.advance(7)
  rig.write('c')
  t.same(rig.worked, ['a'])
  t.equal(rig.done, 3, 'more may come meanwhile')
  clock.advance(1)
  t.same(rig.worked, ['a', 'bc'])
  clock.advance(100)
  t.equal(clock.timers, 0)
})

t.test('texts and bytes keep their order', async t => {
  const rig = new Rig()
  rig.write('a', 'ü', Buffer.from('ö'), 'b')
  clock.advance(8)
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
    rig.write('a', 'b\n', '{"level":60,"msg":"over"}\n')
    t.same(rig.worked, ['a', 'b\n{"level":60,"msg":"over"}\n'])
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
  rig.gathering.write('a', () => rig.write('b', '"level":60,', 'c'))
  clock.advance(8)
  t.equal(rig.worked.join(''), 'ab"level":60,c')
})
