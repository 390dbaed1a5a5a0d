import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Cuts, join, LineRuns } from '#lib/line-runs'
import { line, textOf } from './support/arbitrary-lines.js'

t.test('texts are joined as they are', async t => {
  t.equal(join([]), '')
  t.equal(join(['a\n', 'b\nc\n']), 'a\nb\nc\n')
})

t.test('no runs hold no lines', async t => {
  const runs = new LineRuns(new Cuts(Buffer.from('a\n'), ['a\n']))
  t.equal(runs.count, 0)
  t.equal(runs.copyBytes().length, 0)
  t.equal(runs.joinText(), '')
})

t.test('runs hold their lines, as bytes in memory of their own and as text, wherever the texts are cut', async () => {
  const takenLine = fc.record({ line, isTaken: fc.boolean() })
  fc.assert(fc.property(fc.array(takenLine, { minLength: 1, maxLength: 20 }), fc.array(fc.nat(20), { maxLength: 3 }), (lines, splits) => {
    const edges = [0, ...splits.map(split => Math.min(split, lines.length)).sort((a, b) => a - b), lines.length]
    const texts = edges.slice(1).map((to, i) => textOf(lines.slice(edges[i], to).map(({ line }) => line))).filter(text => text !== '')
    const bytes = Buffer.from(texts.join(''))
    const cuts = new Cuts(bytes, texts)
    const runs = new LineRuns(cuts)

    let at = 0
    let wasTaken = false
    for (const [n, { line, isTaken }] of lines.entries()) {
      if (isTaken !== wasTaken) {
        const cut = cuts.add(at, n)
        if (isTaken) runs.begin(cut)
        else runs.end(cut)
      }
      wasTaken = isTaken
      at += Buffer.byteLength(line) + 1
    }
    const end = cuts.add(at, lines.length)
    if (wasTaken) runs.end(end)

    const taken = lines.filter(({ isTaken }) => isTaken).map(({ line }) => line)
    const copy = runs.copyBytes()
    assert.equal(copy.toString(), textOf(taken))
    assert.notEqual(copy.buffer, bytes.buffer)
    assert.ok(copy.buffer.byteLength <= 2 * copy.length, 'it is at most twice as much')
    assert.equal(runs.joinText(), textOf(taken))
    assert.equal(runs.count, taken.length)
  }), { numRuns: 1000 })
})
