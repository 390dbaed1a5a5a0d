import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { Calls } from '#lib/child/calls'
import { asSonicBoom, makeDiscardable, traitsOf } from '#lib/child/sonic-boom'

type Sonic = NonNullable<ReturnType<typeof asSonicBoom>>

const PIPE_BYTES = 64 * 1024

/** A SonicBoom on a pipe that is read only when the test does. */
async function openOnPipe (t: Test, contentMode: 'buffer' | 'utf8') {
  const fifo = join(t.testdir({}), 'fifo')
  execFileSync('mkfifo', [fifo])
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
  const stream = pino.destination({ dest: fifo, sync: false, contentMode } as Parameters<typeof pino.destination>[0])
  await once(stream, 'ready')
  const sonic = asSonicBoom(stream) as Sonic
  const calls = new Calls()
  const faults: unknown[] = []
  makeDiscardable(sonic, calls, error => { faults.push(error) })
  sonic.on('error', error => { faults.push(error) })
  const write = (bytes: number): void => { stream.write((contentMode === 'buffer' ? Buffer.alloc(bytes, 'x') : 'x'.repeat(bytes)) as string) }
  let read = 0
  const drain = async (): Promise<void> => {
    const memory = Buffer.alloc(PIPE_BYTES)
    while (calls.arePending) {
      try {
        read += readSync(reader, memory)
      } catch {}
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    // The last write may have ended before all of it was read.
    try {
      for (let bytes = -1; bytes !== 0; read += bytes) bytes = readSync(reader, memory)
    } catch {}
    closeSync(reader)
  }
  return { sonic, calls, faults, write, drain, bytesRead: () => read }
}

for (const contentMode of ['buffer', 'utf8'] as const) {
  t.test(`a SonicBoom (${contentMode}) that is destroyed with a write pending writes that to its end, and nothing else`, async t => {
    const { sonic, calls, faults, write, drain, bytesRead } = await openOnPipe(t, contentMode)
    write(2 * PIPE_BYTES)
    write(2 * PIPE_BYTES)
    sonic.destroy()
    t.ok(calls.arePending)
    t.notOk(sonic.destroyed, 'its file is left alone as long as the system may use it')
    await drain()
    t.ok(sonic.destroyed)
    t.equal(bytesRead(), 2 * PIPE_BYTES)
    t.strictSame(faults, [])
  })
}

t.test('an idle one is closed at once, and a second destroy does nothing', async t => {
  const { sonic, calls, drain } = await openOnPipe(t, 'buffer')
  sonic.destroy()
  sonic.destroy()
  t.ok(sonic.destroyed)
  await drain()
  t.notOk(calls.arePending)
})

t.test('what the completion of a write throws is told, and ends nothing', async t => {
  const { sonic, faults } = await openOnPipe(t, 'buffer')
  sonic.on('write', () => { throw new Error('a listener of the app') })
  sonic.release(null, 0)
  t.match(faults, [{ message: 'a listener of the app' }])
  sonic.destroy()
})

t.test('what is no SonicBoom is left as it is', async t => {
  t.equal(asSonicBoom(process.stdout), undefined)
  const sonic = asSonicBoom(pino.destination({ dest: join(t.testdir({}), 'file'), sync: true, minLength: 100 })) as Sonic
  t.strictSame(traitsOf(sonic), { contentMode: 'text', minLength: 100 })
})
