import t from 'tap'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { accountedLines, openFanout } from '../support/fanout-rig.js'
import { readLogFile } from '../support/log-file.js'

const LINES = 40000
const PAD = 'x'.repeat(1000)

t.test('a backend that hangs costs a target with a spool no line, also before its breaker opens, and what is beside it nothing', async t => {
  const [file, healthy] = [join(t.testdir({ collected: '' }), 'collected'), join(t.testdirName, 'app.log')]
  const server = fork(resolve('test/fixtures/collector.js'), [file, '0'])
  t.teardown(() => { server.kill('SIGKILL') })
  const [port] = await once(server, 'message') as [number]
  const fanout = openFanout({
    targets: [
      { target: 'pino/file', options: { destination: healthy } },
      { name: 'collector', target: 'pino-breaker-fanout/http', options: { url: `http://127.0.0.1:${port}/` }, whenOpen: 'spool', spool: { dir: join(t.testdirName, 'spool') }, writeTimeoutMs: 20000 }
    ]
  })
  fanout.log.info({ id: 0 })
  await fanout.sinkWhen('collector', sink => sink.linesDelivered === 1, 'the first line to arrive')
  // It takes connections, and what fits into the buffers of its system, and does nothing with them.
  server.kill('SIGSTOP')
  for (let id = 1; id < LINES;) {
    for (let n = 0; n < 100 && id < LINES; n++) fanout.log.info({ id: id++, pad: PAD })
    await sleep(10)
  }
  const hanging = await fanout.sinkWhen('collector', sink => sink.linesReceived === LINES, 'all lines to come in')
  t.match(hanging, { state: 'closed', linesDropped: {} })
  t.ok(hanging.spoolLines > LINES / 2, `${hanging.spoolLines} lines are on the disk`)

  server.kill('SIGCONT')
  await fanout.sinkWhen('collector', sink => sink.linesDelivered === LINES, 'all lines to arrive')
  await fanout.close()
  t.same(readLogFile(file).ids, Array.from({ length: LINES }, (_, id) => id))
  t.equal(readLogFile(healthy).ids.length, LINES)
  t.same(readLogFile(healthy).diagnostics.map(({ msg }) => msg), ['sink queue full, spooling', 'sink spool replayed'])
  t.same(fanout.snapshots.flatMap(({ sinks }) => sinks).filter(sink => accountedLines(sink) !== sink.linesReceived), [], 'in each snapshot every line is in one place')
})
