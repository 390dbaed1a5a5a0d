import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runProcess } from './support/run-process.js'

t.test('a process that is late is killed, and says what its lanes and its threads wait for', { skip: process.platform === 'win32' && 'there are no signals' }, async t => {
  const dir = t.testdir({})
  writeFileSync(join(dir, 'app.mjs'), `
    import { EventEmitter } from 'node:events'
    import { Worker } from 'node:worker_threads'
    import { tellWhatItWaitsFor } from ${JSON.stringify(join(process.cwd(), 'test/fixtures/tells-what-it-waits-for.js'))}
    const worker = new Worker('setInterval(() => {}, 1e6); require("node:worker_threads").parentPort.postMessage(0)', { eval: true })
    const transport = new EventEmitter()
    tellWhatItWaitsFor(transport)
    transport.emit('metrics', { sinks: [{ name: 'loki', queueLines: 7 }] })
    worker.on('message', () => console.log('is here'))`)
  const options = { cwd: dir, limitMs: 60000 }
  const late = runProcess(process.execPath, ['app.mjs'], {
    ...options,
    during: async child => {
      await new Promise(resolve => child.stdout?.once('data', resolve))
      throw new Error('too late')
    }
  })
  const { message } = await late.then(() => new Error('it ended'), (error: Error) => error)
  t.match(message, /too late/)
  t.match(message, /"queueLines": 7/)
  t.match(message, /"thread": 1,[^]*timer ref/)
  if (process.platform === 'linux') t.match(message, /its threads: \w.* in \w+/)
})
