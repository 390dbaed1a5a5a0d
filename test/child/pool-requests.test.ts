import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, createWriteStream, open as openByCallback, openSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { hasPoolRequests } from '#lib/child/pool-requests'
import { until } from '../support/fanout-rig.js'

t.test('a file operation that has not come back is seen, and no other work', { skip: process.platform === 'win32' && 'there are no FIFOs' }, async t => {
  const fifo = join(t.testdir({}), 'fifo')
  execFileSync('mkfifo', [fifo])
  const timer = setInterval(() => {}, 1000)
  t.notOk(hasPoolRequests(), 'a timer is no file operation')
  clearInterval(timer)

  /** It hangs until somebody has the FIFO open for reading too. */
  const seen = async (how: string, begin: () => Promise<unknown>): Promise<void> => {
    const opened = begin()
    await turn()
    t.ok(hasPoolRequests(), how)
    const other = openSync(fifo, 'r+')
    await opened
    closeSync(other)
    await until(() => !hasPoolRequests(), `what was begun ${how} to be over`)
  }
  await seen('by a callback', () => new Promise((resolve, reject) => openByCallback(fifo, 'w', (error, fd) => error === null ? resolve(closeSync(fd)) : reject(error))))
  await seen('by a promise', async () => (await open(fifo, 'w')).close())
  await seen('by a stream', async () => {
    const stream = createWriteStream(fifo)
    await once(stream, 'open')
    stream.destroy()
  })
})
