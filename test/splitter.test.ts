import t from 'tap'
import { Splitter } from '#lib/splitter'

/** A splitter, and the lines that it has found. */
class Found {
  readonly batches: string[] = []
  tooLong = 0
  readonly splitter: Splitter

  constructor (maxLineBytes = 1024) {
    this.splitter = new Splitter(maxLineBytes, {
      onLines: parts => { this.batches.push(parts.join('')) },
      onTooLong: () => { this.tooLong++ }
    })
  }

  write (...chunks: Array<string | Buffer>): void {
    for (const chunk of chunks) this.splitter.write(chunk)
  }

  get text (): string {
    return this.batches.join('')
  }
}

t.test('whole lines of a chunk are handed on together, before write returns', async t => {
  const found = new Found()
  found.write('a\nb\nc\n')
  t.same(found.batches, ['a\nb\nc\n'])
  found.write('d\n')
  t.same(found.batches, ['a\nb\nc\n', 'd\n'])
})

t.test('what stands whole in a chunk is handed on as it came, text or bytes, and only what is cut is joined', async t => {
  const found: unknown[] = []
  const splitter = new Splitter(1024, { onLines: parts => found.push([...parts]), onTooLong: () => {} })
  splitter.write('a\nb')
  splitter.write('b\nc\nd\ne')
  splitter.write(Buffer.from('e\nf\n'))
  t.same(found, [['a\n'], ['bb\n', 'c\nd\n'], ['ee\n', Buffer.from('f\n')]])
})

t.test('what follows the last newline waits for its rest', async t => {
  const found = new Found()
  found.write('a\nb')
  t.same(found.batches, ['a\n'])
  found.write('b')
  t.same(found.batches, ['a\n'])
  found.write('b\nc')
  t.same(found.batches, ['a\n', 'bbb\n'])
})

t.test('empty lines are lines, empty chunks are nothing', async t => {
  const found = new Found()
  found.write('', '\n', Buffer.alloc(0), '\n\n')
  t.equal(found.text, '\n\n\n')
  await found.splitter.end()
  t.equal(found.text, '\n\n\n')
})

t.test('a carriage return belongs to its line', async t => {
  const found = new Found()
  found.write('a\r\nb\r\n')
  t.equal(found.text, 'a\r\nb\r\n')
})

t.test('a character that is cut between two chunks is whole again', async t => {
  const found = new Found()
  const bytes = Buffer.from('€𝄞é\n')
  for (let i = 0; i < bytes.length; i++) found.write(bytes.subarray(i, i + 1))
  t.equal(found.text, '€𝄞é\n')
})

t.test('the end hands on a last line, and gives it its newline', async t => {
  const found = new Found()
  found.write('a\nb')
  await found.splitter.end()
  t.same(found.batches, ['a\n', 'b\n'])
})

t.test('the end after a whole line, or after nothing, adds nothing', async t => {
  const empty = new Found()
  await empty.splitter.end()
  t.same(empty.batches, [])
  const whole = new Found()
  whole.write('a\n')
  await whole.splitter.end()
  t.same(whole.batches, ['a\n'])
})

t.test('half a character at the end is handed on as what it is: damaged', async t => {
  const found = new Found()
  found.write(Buffer.from('a€').subarray(0, 3))
  await found.splitter.end()
  t.equal(found.text, 'a\ufffd\n')
})

t.test('a line that is too long is skipped and counted', async t => {
  const long = 'x'.repeat(25)
  t.test('as it comes by pieces, and the lines around it are kept', async t => {
    const found = new Found(10)
    found.write('a\n', long, long, `${long}\nb\n`, 'c\n')
    t.equal(found.text, 'a\nb\nc\n')
    t.equal(found.tooLong, 1)
  })

  t.test('when its newline begins a chunk, or is one', async t => {
    for (const chunks of [[long, '\nb\n'], [long, '\n', 'b\n'], [long, '', '\nb', '\n']]) {
      const found = new Found(10)
      found.write(...chunks)
      t.equal(found.text, 'b\n')
      t.equal(found.tooLong, 1)
    }
  })

  t.test('when several follow each other', async t => {
    const found = new Found(10)
    found.write(long, `${long}\n${long}`, `\n${long}`, '\nb\n', long, '\n')
    t.equal(found.text, 'b\n')
    t.equal(found.tooLong, 4)
  })

  t.test('with lines behind it in the chunk that ends it, and the beginning of another', async t => {
    const found = new Found(10)
    found.write(long, 'x\nb\nc\nd', 'd\n')
    t.equal(found.text, 'b\nc\ndd\n')
    t.equal(found.tooLong, 1)
  })

  t.test('when it is the last, and lacks its newline', async t => {
    const found = new Found(10)
    found.write('a\n', long)
    await found.splitter.end()
    t.equal(found.text, 'a\n')
    t.equal(found.tooLong, 1)
  })

  t.test('when a character is cut in it', async t => {
    const found = new Found(10)
    const bytes = Buffer.from(`${'€'.repeat(20)}\nb\n`)
    for (let i = 0; i < bytes.length; i++) found.write(bytes.subarray(i, i + 1))
    t.equal(found.text, 'b\n')
    t.equal(found.tooLong, 1)
  })
})

t.test('a line of exactly the bound is kept', async t => {
  const found = new Found(10)
  found.write('x'.repeat(10), '\n')
  t.equal(found.text, `${'x'.repeat(10)}\n`)
  t.equal(found.tooLong, 0)
})
