import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Cuts, join, Part } from '#lib/parts'
import { line, textOf } from './support/arbitrary-lines.js'

t.test('texts are joined as they are', async t => {
  t.equal(join([]), '')
  t.equal(join(['a\n', 'b\nc\n']), 'a\nb\nc\n')
})

t.test('a part without a run has nothing', async t => {
  const part = new Part(new Cuts(Buffer.from('a\n'), ['a\n']))
  t.equal(part.count, 0)
  t.equal(part.copyBytes().length, 0)
  t.equal(part.joinText(), '')
})

t.test('a part has the lines of its runs, as bytes in memory of their own and as text, wherever the texts are cut', async () => {
  const takenLine = fc.record({ line, isTaken: fc.boolean() })
  fc.assert(fc.property(fc.array(takenLine, { minLength: 1, maxLength: 20 }), fc.array(fc.nat(20), { maxLength: 3 }), (lines, splits) => {
    const edges = [0, ...splits.map(split => Math.min(split, lines.length)).sort((a, b) => a - b), lines.length]
    const texts = edges.slice(1).map((to, i) => textOf(lines.slice(edges[i], to).map(({ line }) => line))).filter(text => text !== '')
    const bytes = Buffer.from(texts.join(''))
    const cuts = new Cuts(bytes, texts)
    const part = new Part(cuts)

    let at = 0
    let wasTaken = false
    for (const [n, { line, isTaken }] of lines.entries()) {
      if (isTaken !== wasTaken) {
        const cut = cuts.add(at, n)
        if (isTaken) part.begin(cut)
        else part.end(cut)
      }
      wasTaken = isTaken
      at += Buffer.byteLength(line) + 1
    }
    const end = cuts.add(at, lines.length)
    if (wasTaken) part.end(end)

    const taken = lines.filter(({ isTaken }) => isTaken).map(({ line }) => line)
    const copy = part.copyBytes()
    assert.equal(copy.toString(), textOf(taken))
    assert.notEqual(copy.buffer, bytes.buffer)
    assert.ok(copy.buffer.byteLength <= 2 * copy.length, 'it is at most twice as much')
    assert.equal(part.joinText(), textOf(taken))
    assert.equal(part.count, taken.length)
  }), { numRuns: 1000 })
})
