import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { linesOf } from '#lib/cli/lines'
import { nodeFileSystem } from '#lib/spool/node-file-system'

async function read (path: string): Promise<string[]> {
  const file = await nodeFileSystem.open(path, 'read')
  try {
    const lines: string[] = []
    for await (const line of linesOf(file)) lines.push(line.toString('latin1'))
    return lines
  } finally {
    await file.close()
  }
}

t.test('a file is its lines, byte by byte, wherever they end', async t => {
  const path = join(t.testdir(), 'file')
  const line = fc.oneof(fc.string({ unit: 'binary' }).map(text => text.replaceAll('\n', '\r')), fc.constantFrom('', 'x'.repeat(262143), 'x'.repeat(262144), 'x'.repeat(600000)))
  await fc.assert(fc.asyncProperty(fc.array(line, { maxLength: 6 }), fc.string(), async (lines, rest) => {
    const tail = rest.replaceAll('\n', '')
    const bytes = Buffer.from(lines.map(line => `${line}\n`).join('') + tail)
    writeFileSync(path, bytes)
    const expected = bytes.toString('latin1').split('\n')
    if (tail === '') expected.pop()
    t.strictSame(await read(path), expected)
  }), { numRuns: 100 })
})
