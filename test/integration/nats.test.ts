import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import createNatsSink, { type NatsSinkOptions } from 'pino-breaker-fanout/nats'
import type { DeliverySink, SendContext, SinkBatch } from 'pino-breaker-fanout'
import t, { type Test } from 'tap'
import { makeCertificates } from '../support/certificates.js'
import { openFanout } from '../support/fanout-rig.js'
import { attempt, batchOf, rejectionOf } from '../support/http-sinks.js'
import { makeJwtScene } from '../support/nats-jwt.js'
import { startNats, type NatsServer } from '../support/nats.js'
import { needs } from '../support/real-servers.js'
import { runProcess } from '../support/run-process.js'

t.setTimeout(60000)

const NATS = needs('nats-server')
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
const numbersOf = (messages: ReadonlyArray<{ text: string }>): number[] => messages.map(({ text }) => (JSON.parse(text) as { n: number }).n)
const line = (n: number, more = ''): string => `{"level":30,"name":"app","n":${n}${more}}`

/** A sink by itself, which is closed at the end of the test. */
async function openSink (t: Test, { address }: Pick<NatsServer, 'address'>, options: Partial<NatsSinkOptions> = {}): Promise<DeliverySink> {
  const sink = await createNatsSink({ servers: address, subject: 'logs.app', timeoutMs: 1000, ...options })
  t.teardown(async () => { await sink.close?.() })
  return sink
}

const send = async (sink: DeliverySink, batch: SinkBatch, context: SendContext = attempt()): Promise<void> => { await sink.send(batch, context) }

for (const isolation of ['inline', 'thread', 'process'] as const) {
  t.test(`isolation ${isolation}: each line is a message of its own, in order, with an id and a subject of its own`, NATS, async t => {
    const nats = await startNats(t)
    const fanout = openFanout({ targets: [{ name: 'nats', target: 'pino-breaker-fanout/nats', isolation, options: { servers: nats.address, subject: 'logs.{level}.{name}', stream: 'LOGS', create: { storage: 'memory' } } }] }, { base: { name: 'my app' } })
    for (const n of range(3000)) fanout.log[n % 2 === 0 ? 'info' : 'error']({ n }, 'ein Gruß')
    await fanout.sinkWhen('nats', ({ linesDelivered }) => linesDelivered === 3000, 'all lines to be delivered')
    await fanout.close()
    const stored = await nats.read('LOGS')
    t.same(numbersOf(stored), range(3000))
    t.equal(new Set(stored.map(({ id }) => id)).size, 3000)
    t.match(stored.slice(0, 2), [
      { subject: 'logs.info.my_app', id: /:0$/, text: '{"level":30,"name":"my app","n":0,"msg":"ein Gruß"}' },
      { subject: 'logs.error.my_app', id: /:1$/ }
    ])
    t.same(fanout.transitions, [])
  })
}

t.test('lines that are sent again within the duplicate window are stored once, in whatever batches they come', NATS, async t => {
  const nats = await startNats(t)
  await nats.create('LOGS', ['logs.>'])
  const sink = await openSink(t, nats)
  const lines = range(100).map(n => line(n))
  await send(sink, batchOf(lines, 'life:0'))
  await send(sink, batchOf(lines, 'life:0'))
  await send(sink, batchOf(lines.slice(40, 60), 'life:40'))
  t.same(numbersOf(await nats.read('LOGS')), range(100))
})

t.test('batches are messages of several lines by option', NATS, async t => {
  const nats = await startNats(t, 'max_payload: 4096')
  await nats.create('LOGS', ['logs.>'])
  const sink = await openSink(t, nats, { mode: 'batch' })
  const batch = batchOf(range(500).map(n => line(n)), 'life:0')
  await send(sink, batch)
  await send(sink, batch)
  const stored = await nats.read('LOGS')
  t.ok(stored.length > 3 && stored.length < 20, `${stored.length} messages`)
  t.equal(stored.map(({ text }) => text).join(''), batch.text)
  await send(sink, batchOf([line(0)], 'life:0'))
  t.same((await nats.read('LOGS')).at(-1)?.text, `${line(0)}\n`, 'fewer lines from the same one on are another message')
})

t.test('a stream is created as the options say, and found again', NATS, async t => {
  const nats = await startNats(t)
  const create = { storage: 'memory', maxBytes: 1e6, maxMessages: 1000, maxAgeMs: 60000, discard: 'new', duplicateWindowMs: 30000 } as const
  const sink = await openSink(t, nats, { subject: 'logs.{level}.{name}', stream: 'LOGS', create })
  await send(sink, batchOf([line(1)]))
  const { config } = await nats.ask(async manager => await manager.streams.info('LOGS'))
  t.match(config, { subjects: ['logs.*.*'], num_replicas: 1, storage: 'memory', max_bytes: 1e6, max_msgs: 1000, max_age: 60e9, discard: 'new', duplicate_window: 30e9 })
  const other = await openSink(t, nats, { subject: 'logs.{level}.{name}', stream: 'LOGS', create: true })
  await send(other, batchOf([line(2)], 'life:9'))
  t.same(numbersOf(await nats.read('LOGS')), [1, 2])
})

t.test('a stream that is not there, or that does not take the subject, is a failure with its name', NATS, async t => {
  const nats = await startNats(t)
  const missing = await rejectionOf(send(await openSink(t, nats, { stream: 'LOGS' }), batchOf([line(1)])))
  t.match(missing, { statusCode: 404, message: /there is no stream LOGS; create: true creates it/ })
  await nats.create('LOGS', ['other.>'])
  const wrong = await rejectionOf(send(await openSink(t, nats, { stream: 'LOGS', create: true }), batchOf([line(1)])))
  t.match(wrong, { statusCode: 404, message: /the stream LOGS does not take logs\.app: its subjects are other\.>/ })
})

t.test('without a stream for the subject there are no responders; once there is one, lines arrive', NATS, async t => {
  const nats = await startNats(t)
  const sink = await openSink(t, nats)
  t.match(await rejectionOf(send(sink, batchOf([line(1), line(2)]))), { statusCode: 503, message: /no stream takes the subject logs\.app now \(no responders\)/, refused: undefined, retry: undefined })
  await nats.create('LOGS', ['logs.>'])
  await send(sink, batchOf([line(1), line(2)]))
  t.same(numbersOf(await nats.read('LOGS')), [1, 2])
})

t.test('a full stream is a failure, of which only the lines that were not stored are sent again', NATS, async t => {
  const nats = await startNats(t)
  await nats.create('LOGS', ['logs.>'], { max_msgs: 10, discard: 'new' as never })
  const sink = await openSink(t, nats)
  const rejection = await rejectionOf(send(sink, batchOf(range(30).map(n => line(n)))))
  t.match(rejection, { statusCode: 503, message: /maximum messages exceeded \(10077\)/, retry: range(20).map(n => n + 10), refused: [] })
  t.same(numbersOf(await nats.read('LOGS')), range(10))
})

t.test('a line that is too large goes to the dead letters, and the others arrive', NATS, async t => {
  const nats = await startNats(t, 'max_payload: 2000')
  await nats.create('LOGS', ['logs.>'])
  const path = join(t.testdir({}), 'dead')
  const fanout = openFanout({ targets: [{ name: 'nats', target: 'pino-breaker-fanout/nats', options: { servers: nats.address, subject: 'logs.app', stream: 'LOGS' }, deadLetter: { path } }] })
  fanout.log.info({ n: 0 })
  fanout.log.info({ n: 1, pad: 'x'.repeat(3000) })
  fanout.log.info({ n: 2 })
  await fanout.sinkWhen('nats', ({ linesDelivered, linesDeadLettered }) => linesDelivered === 2 && linesDeadLettered === 1, 'all lines to be settled')
  await fanout.close()
  t.same(numbersOf(await nats.read('LOGS')), [0, 2])
  t.match(readFileSync(path, 'utf8'), /too large: its message would have \d+ bytes, more than the max_payload of the server \(2000\)/)
  t.same(fanout.transitions, [])
})

t.test('a message that the stream finds too large is refused, and the others are stored', NATS, async t => {
  const nats = await startNats(t)
  await nats.create('LOGS', ['logs.>'], { max_msg_size: 500 })
  const sink = await openSink(t, nats)
  const lines = [line(0), line(1, `,"pad":"${'x'.repeat(600)}"`), line(2)]
  t.match(await rejectionOf(send(sink, batchOf(lines))), { refused: [{ line: 1, status: 400, reason: /message size exceeds maximum allowed \(10054\)/ }], retry: [] })
  t.same(numbersOf(await nats.read('LOGS')), [0, 2])
  const batches = await openSink(t, nats, { mode: 'batch' })
  t.match(await rejectionOf(send(batches, batchOf(lines, 'life:9'))), { statusCode: 400, retryable: false, refused: undefined })
})

const USERS = `
  accounts { A { jetstream: enabled, users: [
    { user: admin, password: adm1n },
    { user: logger, password: l0gger, permissions: { publish: ["logs.app.>", "$JS.API.STREAM.INFO.LOGS"], subscribe: ["_INBOX.>"] } },
    { user: own, password: 0wn, permissions: { publish: ["logs.>"], subscribe: ["_INBOX_own.>"] } }
  ] } }`
const ADMIN = { user: 'admin', pass: 'adm1n' }

t.test('a subject that is not allowed: the lines of that subject are refused, and the others are stored', NATS, async t => {
  const nats = await startNats(t, USERS, ADMIN)
  await nats.create('LOGS', ['logs.>'])
  const auth = { user: 'logger', password: 'l0gger' }
  const sink = await openSink(t, nats, { subject: 'logs.{name}.x', auth, stream: 'LOGS' })
  const lines = range(50).map(n => `{"name":"${n % 10 === 3 ? 'other' : 'app'}","n":${n}}`)
  const rejection = await rejectionOf(send(sink, batchOf(lines)))
  t.match(rejection, { refused: [3, 13, 23, 33, 43].map(line => ({ line, status: 403, reason: /may not publish to the subject logs\.other\.x/ })), retry: [] })
  t.same(numbersOf(await nats.read('LOGS')), range(50).filter(n => n % 10 !== 3))

  const none = await openSink(t, nats, { subject: 'logs.other.x', auth })
  t.match(await rejectionOf(send(none, batchOf(lines, 'life:99'))), { statusCode: 403, retryable: true, refused: undefined }, 'no line is to blame for a subject that all have')
})

t.test('a user who may not hear the acknowledgements is told so, and is heard with an inboxPrefix', NATS, async t => {
  const nats = await startNats(t, USERS, ADMIN)
  await nats.create('LOGS', ['logs.>'])
  const auth = { user: 'own', password: '0wn' }
  t.match(await rejectionOf(send(await openSink(t, nats, { auth }), batchOf([line(1)]))), { statusCode: 403, message: /may not subscribe to _INBOX\..*see inboxPrefix/ })
  await send(await openSink(t, nats, { auth, inboxPrefix: '_INBOX_own' }), batchOf([line(1)]))
  t.same(numbersOf(await nats.read('LOGS')), [1])
})

t.test('a wrong password is a failure that shows nothing of it; a new one in its file is used for the next connection', NATS, async t => {
  const nats = await startNats(t, USERS, ADMIN)
  await nats.create('LOGS', ['logs.>'])
  const file = join(t.testdir({ password: 'wr0ng-pass\n' }), 'password')
  const sink = await openSink(t, nats, { auth: { user: 'admin', password: { file } } })
  const rejection = await rejectionOf(send(sink, batchOf([line(1)])))
  t.match(rejection, { statusCode: 401, message: /did not accept the user/ })
  t.notMatch(JSON.stringify([rejection.message, rejection.stack, rejection['cause']]), /wr0ng/)
  writeFileSync(file, 'adm1n\n')
  await send(sink, batchOf([line(1)]))
  t.same(numbersOf(await nats.read('LOGS')), [1])
})

t.test('a token, and an nkey', NATS, async t => {
  const withToken = await startNats(t, 'authorization { token: "s3cret-token" }', { token: 's3cret-token' })
  await withToken.create('LOGS', ['logs.>'])
  await send(await openSink(t, withToken, { auth: { token: 's3cret-token' } }), batchOf([line(1)]))
  t.equal((await withToken.read('LOGS')).length, 1)

  const { nkeys } = createRequire(import.meta.url)('@nats-io/transport-node') as typeof import('@nats-io/transport-node')
  const pair = nkeys.createUser()
  const withKey = await startNats(t, `accounts { A { jetstream: enabled, users: [{ nkey: ${pair.getPublicKey()} }, { user: admin, password: adm1n }] } }`, ADMIN)
  await withKey.create('LOGS', ['logs.>'])
  await send(await openSink(t, withKey, { auth: { nkey: new TextDecoder().decode(pair.getSeed()) } }), batchOf([line(1)]))
  t.equal((await withKey.read('LOGS')).length, 1)
})

t.test('the credentials of a user with a JWT, as a text or a file; new ones in the file are used for the next connection', NATS, async t => {
  const { config, creds, options, mute } = makeJwtScene()
  const nats = await startNats(t, config, options)
  await nats.create('LOGS', ['logs.>'])
  for (const [n, text] of [creds, creds.trim(), creds.replaceAll('\n', '\r\n')].entries()) await send(await openSink(t, nats, { auth: { creds: text } }), batchOf([line(n)], `text:${n}`))
  t.match(await rejectionOf(send(await openSink(t, nats, { auth: { creds: mute } }), batchOf([line(3)]))), { message: /logs\.app/ }, 'what a JWT forbids is refused')

  const stranger = makeJwtScene().creds
  const file = join(t.testdir({ 'logger.creds': stranger }), 'logger.creds')
  const sink = await openSink(t, nats, { auth: { creds: file } })
  const rejection = await rejectionOf(send(sink, batchOf([line(3)], 'file:3')))
  t.match(rejection, { statusCode: 401, message: /did not accept the user/ })
  for (const secret of stranger.split('\n').filter(word => word.length > 40)) t.notOk(JSON.stringify([rejection.message, rejection.stack, rejection['cause']]).includes(secret), 'nothing of it is shown')
  writeFileSync(file, creds)
  await send(sink, batchOf([line(3)], 'file:3'))
  t.same(numbersOf(await nats.read('LOGS')), range(4))
})

t.test('TLS, with certificates from both sides; and never without TLS if it is wanted', NATS, async t => {
  const { folder, ca, cert, key } = makeCertificates(t.testdir({}))
  const tls = `tls { cert_file: "${folder}/server.pem", key_file: "${folder}/server.key", ca_file: "${folder}/ca.pem", verify: true }`
  const nats = await startNats(t, tls, { tls: { ca, cert, key } })
  await nats.create('LOGS', ['logs.>'])
  await send(await openSink(t, nats, { tls: { ca: join(folder, 'ca.pem'), cert, key } }), batchOf([line(1)]))
  t.equal((await nats.read('LOGS')).length, 1)
  t.match(await rejectionOf(send(await openSink(t, nats, { tls: { cert, key } }), batchOf([line(1)]))), { message: /cannot connect: unable to (?:get local issuer|verify the first) certificate/ })

  const plain = await startNats(t)
  await plain.create('LOGS', ['logs.>'])
  for (const options of [{ servers: `tls://${plain.address}` }, { tls: { ca } }]) {
    t.match(await rejectionOf(send(await openSink(t, plain, options), batchOf([line(1)]))), { message: /does not support 'tls'/ })
  }
  t.equal((await plain.read('LOGS')).length, 0)
})

t.test('the server is killed while lines come: every line is in the stream exactly once when it is back', NATS, async t => {
  const nats = await startNats(t)
  await nats.create('LOGS', ['logs.>'], { storage: 'file' as never })
  const fanout = openFanout({
    targets: [{ name: 'nats', target: 'pino-breaker-fanout/nats', options: { servers: nats.address, subject: 'logs.app', stream: 'LOGS', timeoutMs: 1000 }, breaker: { failureThreshold: 2, recoveryTimeoutMs: 300 } }],
    diagnostics: false
  })
  for (const n of range(5000)) fanout.log.info({ n })
  await fanout.sinkWhen('nats', ({ linesDelivered }) => linesDelivered >= 1000, 'some lines to be delivered')
  await nats.kill()
  for (const n of range(1000)) fanout.log.info({ n: 5000 + n })
  t.equal((await fanout.transitionTo('nats', 'open')).reason, 'network')
  await nats.start()
  await fanout.transitionTo('nats', 'closed')
  for (const n of range(1000)) fanout.log.info({ n: 6000 + n })
  await fanout.sinkWhen('nats', ({ linesDelivered }) => linesDelivered === 7000, 'all lines to be delivered')
  await fanout.close()
  t.same(numbersOf(await nats.read('LOGS')), range(7000))
})

t.test('a server that is not there is a failure of the network, at once', NATS, async t => {
  const nats = await startNats(t)
  await nats.create('LOGS', ['logs.>'], { storage: 'file' as never })
  await nats.kill()
  const sink = await openSink(t, nats)
  t.match(await rejectionOf(send(sink, batchOf([line(1)]))), { message: /cannot connect: connection refused/, cause: { code: 'ECONNREFUSED' } })
  await nats.start()
  await send(sink, batchOf([line(1)]))
  await nats.kill()
  t.match(await rejectionOf(send(sink, batchOf([line(2)], 'life:8'))), { cause: { code: /^(?:ENOTCONN|ECONNRESET)$/ } })
  await nats.start()
  const deadline = Date.now() + 20000
  for (let isSent = false; !isSent && Date.now() < deadline;) isSent = await send(sink, batchOf([line(2)], 'life:8')).then(() => true, () => false)
  t.same(numbersOf(await nats.read('LOGS')), [1, 2])
})

t.test('a server that says nothing is late, and a batch that is aborted ends at once', NATS, async t => {
  const nats = await startNats(t)
  await nats.create('LOGS', ['logs.>'], { no_ack: true })
  const sink = await openSink(t, nats, { timeoutMs: 300 })
  t.match(await rejectionOf(send(sink, batchOf([line(1)]))), { message: /was not acknowledged within 300 ms/, cause: { code: 'ETIMEDOUT' } })
  const patient = await openSink(t, nats, { timeoutMs: 60000 })
  const aborted = rejectionOf(send(patient, batchOf([line(1)]), attempt(AbortSignal.timeout(200))))
  t.equal((await aborted).name, 'TimeoutError')
})

t.test('pino itself can have it as its target', NATS, async t => {
  const nats = await startNats(t)
  await nats.create('LOGS', ['logs.>'])
  const { pino } = await import('pino')
  const { closeTransport } = await import('../support/fanout-rig.js')
  const transport = pino.transport({ target: 'pino-breaker-fanout/nats', options: { servers: nats.address, subject: 'logs.app' } })
  pino(transport).info({ n: 7 })
  await closeTransport(transport as never)
  t.same(numbersOf(await nats.read('LOGS')), [7])
})

t.test('the example of docs/nats.md prints what it says', NATS, async t => {
  const nats = await startNats(t)
  const [, code = ''] = /^```js\n([\s\S]*?)^```$/m.exec(readFileSync('docs/nats.md', 'utf8')) ?? []
  const file = join(mkdtempSync(join('build', 'nats-')), 'example.mjs')
  t.teardown(() => rmSync(dirname(file), { recursive: true, force: true }))
  writeFileSync(file, code.replace('127.0.0.1:4222', nats.address))
  const { stdout } = await runProcess(process.execPath, [file], { cwd: '.', limitMs: 20000 })
  t.equal(stdout.trim(), /^\/\/ (logs.*)$/m.exec(code)?.[1])
})

t.test('without the client, the sink says what to install, and the others go on', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'without-nats-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  cpSync('dist', join(folder, 'node_modules', 'pino-breaker-fanout', 'dist'), { recursive: true })
  cpSync('package.json', join(folder, 'node_modules', 'pino-breaker-fanout', 'package.json'))
  for (const name of ['split2', 'real-require', 'thread-stream', 'pino']) symlinkSync(join(process.cwd(), 'node_modules', name), join(folder, 'node_modules', name))
  const file = join(folder, 'app.mjs')
  writeFileSync(file, `
    import nats from 'pino-breaker-fanout/nats'
    import { createRequire } from 'node:module'
    const options = { servers: '127.0.0.1:1', subject: 'logs' }
    for (const create of [nats, createRequire(import.meta.url)('pino-breaker-fanout/nats').default]) await create(options).catch(error => console.log(error.code, error.message))
  `)
  const { stdout } = await runProcess(process.execPath, [file], { cwd: folder, limitMs: 20000 })
  t.equal(stdout.match(/ERR_FANOUT_PACKAGE_MISSING ERR_FANOUT_PACKAGE_MISSING: .* npm install @nats-io\/transport-node @nats-io\/jetstream/g)?.length, 2, stdout)
})
