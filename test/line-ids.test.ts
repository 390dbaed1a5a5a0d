import fc from 'fast-check'
import t from 'tap'
import { cutAt, freshLines, joinLines, numberOf, pickLines, type Lines } from '#lib/batch'
import { createLife, idOfEach, lineIdsOf } from '#lib/line-ids'
import { Replay } from '#lib/lane/replay'
import { batchIdOf } from '#lib/spool/position'

const textOf = (n: number): string => `${'x'.repeat(n % 7)}${n}\n`
const linesFrom = (firstLine: number, count: number): Lines => freshLines(Buffer.from(Array.from({ length: count }, (_, n) => textOf(firstLine + n)).join('')), count, firstLine)
const idsOf = (lines: Lines, replay?: Replay): string[] => {
  const ids = lineIdsOf(lines, 'life', line => line < 0 ? replay?.originOf(line, place => batchIdOf('spool', place)) : undefined)
  // Ids cross threads with their batch.
  return idOfEach(structuredClone(ids), lines.bytes, lines.count)
}

t.test('lines in memory have the numbers of their lane, and cost no run', async t => {
  t.same(lineIdsOf(linesFrom(7, 3), 'life', () => undefined), { id: 'life:7' })
  t.same(idsOf(linesFrom(7, 3)), ['life:7', 'life:8', 'life:9'])
  t.same(idsOf(pickLines(linesFrom(7, 6), [0, 1, 4])), ['life:7', 'life:8', 'life:11'])
})

t.test('lines of a spool have the places of their first bytes, whichever batch they are read in', async t => {
  const replay = new Replay()
  replay.add({ segment: 3, offset: 10, bytes: Buffer.from('a\nbcd\ne\n'), count: 3 })
  replay.add({ segment: 4, offset: 0, spool: 'other', bytes: Buffer.from('f\n'), count: 1 })
  const lines = joinLines(replay.queue.drain() as [Lines, ...Lines[]])
  t.same(idsOf(lines, replay), ['spool:3:10', 'spool:3:12', 'spool:3:16', 'spool:4:0'])
  t.same(idsOf(cutAt(lines, 2, 1)[1], replay), ['spool:3:12', 'spool:3:16', 'spool:4:0'])
  t.same(idsOf(pickLines(lines, [0, 2, 3]), replay), ['spool:3:10', 'spool:3:16', 'spool:4:0'])
})

t.test('lines that were sent before they were written keep their ids', async t => {
  const replay = new Replay()
  const kept = replay.keep(pickLines(linesFrom(20, 4), [0, 2, 3]))
  replay.beginWriting()
  replay.written(3, { segment: 1, offset: 0 })
  t.same(idsOf(kept, replay), ['life:20', 'life:22', 'life:23'])
})

t.test('however lines are cut, picked and joined, each has its own id, always the same', async () => {
  const cuts = fc.array(fc.record({ kind: fc.constantFrom('cut' as const, 'pick' as const), share: fc.double({ min: 0, max: 1, noNaN: true }), seed: fc.nat() }), { maxLength: 6 })
  fc.assert(fc.property(fc.integer({ min: 1, max: 40 }), cuts, (count, cuts) => {
    let parts: Lines[] = [linesFrom(0, count)]
    for (const { kind, share, seed } of cuts) {
      const at = seed % parts.length
      const part = parts[at] as Lines
      if (part.count < 2) continue
      if (kind === 'cut') {
        const head = Math.max(1, Math.min(part.count - 1, Math.floor(share * part.count)))
        let end = 0
        for (let n = 0; n < head; n++) end = part.bytes.indexOf(10, end) + 1
        parts.splice(at, 1, ...cutAt(part, end, head))
      } else {
        const places = Array.from({ length: part.count }, (_, n) => n)
        const picked = places.filter(place => (place * 7 + seed) % 3 === 0)
        const others = places.filter(place => !picked.includes(place))
        parts.splice(at, 1, ...[picked, others].filter(list => list.length > 0).map(list => pickLines(part, list)))
      }
    }
    parts = parts.sort((a, b) => a.firstLine - b.firstLine)
    for (const lines of [...parts, joinLines(parts as [Lines, ...Lines[]])]) {
      const ids = idsOf(lines)
      const texts = lines.bytes.toString().split('\n').slice(0, -1)
      for (let place = 0; place < lines.count; place++) {
        const number = numberOf(lines, place)
        if (ids[place] !== `life:${number}` || `${texts[place]}\n` !== textOf(number)) throw new Error(`line ${number} is ${ids[place]}: ${texts[place]}`)
      }
    }
  }))
})

t.test('two lives of the same process in the same millisecond differ', async t => {
  const clock = { wallTime: () => 5 }
  t.not(createLife(clock, () => 0.1), createLife(clock, () => 0.2))
})
