import { Splitter } from '#lib/splitter'
import { chunksOf, textOf } from '../lines.js'

/** 1000 lines in chunks of several sizes, as text and as bytes. */
export default function addTasks (bench) {
  const text = textOf(1000)
  for (const kilobytes of [4, 64]) {
    const texts = chunksOf(text, kilobytes * 1024)
    const buffers = texts.map(chunk => Buffer.from(chunk))
    for (const [kind, chunks] of [['text', texts], ['bytes', buffers]]) {
      const splitter = new Splitter(1024 * 1024, { onLines () {}, onTooLong () {} })
      bench.add(`1000 lines, ${kind} by ${kilobytes} KB`, () => { for (const chunk of chunks) splitter.write(chunk) })
    }
  }
}
