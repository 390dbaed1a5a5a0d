// Kind: work that cannot be cancelled is started again and again. A FIFO that nobody reads stands for a hung mount: the call that
// opens it never returns, and each restart took one more thread.
import t from 'tap'
import { runCase } from '../support/case-app.js'

const needed = { skip: process.platform !== 'linux' && 'threads are counted in /proc' }

t.test('a sink whose call hangs is not started again before the call has come back, and then gets what it missed', needed, async t => {
  const { told, result, missing } = await runCase(t, {
    writeTimeoutMs: 300,
    startTimeoutMs: 1000,
    breaker: { failureThreshold: 1, recoveryTimeoutMs: 200 },
    metricsIntervalMs: 50,
    targets: [
      { name: 'file', target: 'pino/file', options: { destination: 'DIR/file.log' } },
      { name: 'thread', target: 'DIR/sink.cjs', options: { fifo: 'DIR/fifo-thread' } },
      { name: 'inline', target: 'pino/file', options: { destination: 'DIR/fifo-file' } }
    ]
  }, `
    await ready
    let last
    transport.on('metrics', snapshot => { last = snapshot })
    const until = async condition => { while (!condition()) await sleep(20) }
    const threads = () => fs.readdirSync('/proc/self/task').length
    const hung = n => last?.sinks.slice(1).every(({ failures }) => failures['still-hung'] >= n)
    let n = 0
    const timer = setInterval(() => log.info({ n: n++ }), 5)
    await until(() => hung(1))
    const before = threads()
    await until(() => hung(8))
    const after = threads()
    // The app's own files go on.
    await fs.promises.readFile('app.mjs')
    fs.writeFileSync('release', '')
    await until(() => last.sinks.every(({ state }) => state === 'closed'))
    clearInterval(timer)
    await new Promise(resolve => log.flush(resolve))
    await until(() => last.sinks.every(({ queueLines }) => queueLines === 0))
    tell({ n, grown: after - before })
    process.exit(0)`, {
    files: { 'sink.cjs': 'const { Writable } = require("node:stream"); const fs = require("node:fs"); module.exports = ({ fifo }) => new Writable({ write (chunk, encoding, done) { const fd = fs.openSync(fifo, "w"); fs.writeSync(fd, chunk); fs.closeSync(fd); done() } })' },
    shell: app => `mkfifo fifo-thread fifo-file
      read_all () { for i in $(seq 600); do [ -e release ] && break; sleep 0.1; done; while [ ! -e over ]; do timeout 30 cat $1 >> $2; done; }
      read_all fifo-thread thread.log & read_all fifo-file inline.log &
      ${app}; code=$?; touch over; sleep 0.5; for fifo in fifo-thread fifo-file; do timeout 1 bash -c "echo > $fifo"; done; wait; exit $code`
  })
  t.equal(result.code, 0, result.stderr)
  t.match(told, [{ n: Number }], 'the app sees no error')
  const { n, grown } = told[0] as { n: number, grown: number }
  // A thread pool of Node.js may still be growing to its four.
  t.ok(grown <= 1, `${grown} threads more after seven more attempts`)
  for (const file of ['file.log', 'thread.log', 'inline.log']) t.equal(missing(file, n), 0, file)
})

t.test('a process that such a call keeps from ending says on stderr which sink holds it', needed, async t => {
  const { result, told } = await runCase(t, {
    writeTimeoutMs: 300,
    startTimeoutMs: 300,
    closeTimeoutMs: 1000,
    breaker: { failureThreshold: 1 },
    targets: [{ name: 'file', target: 'pino/file', options: { destination: 'DIR/file.log' } }, { name: 'hung', target: 'pino/file', options: { destination: 'DIR/fifo' } }]
  }, `
    await ready
    log.info('a line')
    transport.ref()
    const tripped = new Promise(resolve => transport.on('breaker', resolve))
    await tripped
    tell({ exits: true })
    process.exit(0)`, {
    shell: app => `mkfifo fifo; ${app} 2> err & pid=$!
      for i in $(seq 300); do grep -q 'holds the process' err && break; sleep 0.1; done
      cat err >&2; timeout 30 cat fifo > /dev/null; wait $pid`
  })
  t.match(told, [{ exits: true }])
  t.equal(result.code, 0)
  const records = result.stderr.split('\n').filter(line => line.includes('holds the process')).map(line => JSON.parse(line) as object)
  t.match(records, [{ level: 50, sink: 'hung', component: 'supervisor' }])
})
