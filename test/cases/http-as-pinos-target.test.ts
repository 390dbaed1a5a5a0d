import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import t, { type Test } from 'tap'
import { until } from '../support/fanout-rig.js'
import { openBackend } from '../support/http-backend.js'

const target = 'pino-breaker-fanout/http'
const LIMIT_MS = 20000

type Transport = ReturnType<typeof pino.transport>

async function end (transport: Transport): Promise<void> {
  ;(transport as unknown as { ref (): void }).ref()
  const closed = once(transport, 'close')
  transport.end()
  await closed
}

async function messagesBy (t: Test, open: (url: string, file: string) => Transport): Promise<{ sent: string[], file: string }> {
  const backend = await openBackend(t)
  const file = join(t.testdir({}), 'app.log')
  const transport = open(backend.url, file)
  const log = pino(transport)
  for (let n = 0; n < 100; n++) log.info(`line ${n}`)
  const sent = (): string[] => backend.requests.flatMap(({ body }) => body.trimEnd().split('\n').map(line => (JSON.parse(line) as { msg: string }).msg))
  await until(() => sent().length >= 100, 'all lines')
  await end(transport)
  return { sent: sent(), file }
}

const expected = Array.from({ length: 100 }, (_, n) => `line ${n}`)

t.test('the HTTP sink is a target of pino\'s own', async t => {
  t.same((await messagesBy(t, url => pino.transport({ target, options: { url } }))).sent, expected)
})

t.test('and one of several, beside others', async t => {
  const { sent, file } = await messagesBy(t, (url, file) => pino.transport({ targets: [{ target, options: { url } }, { target: 'pino/file', options: { destination: file } }] }))
  t.same(sent, expected)
  t.equal(readFileSync(file, 'utf8').trimEnd().split('\n').length, 100)
})

t.test('and the end of a pipeline', async t => {
  t.same((await messagesBy(t, url => pino.transport({ pipeline: [{ target, options: { url } }] }))).sent, expected)
})

t.test('several of them, each with its own backend', async t => {
  const backends = [await openBackend(t), await openBackend(t)]
  const transport = pino.transport({ targets: backends.map(({ url }) => ({ target, options: { url } })) })
  pino(transport).info('to both')
  await until(() => backends.every(({ requests }) => requests.length === 1), 'both')
  await end(transport)
})

/** The error that a transport fails with. */
async function errorOf (transport: Transport): Promise<string> {
  const [error] = await once(transport, 'error', { signal: AbortSignal.timeout(LIMIT_MS) }).catch((thrown: unknown) => [thrown])
  return (error as Error).message
}

t.test('what is wrong with its options ends pino\'s transport at once, in words', async t => {
  t.equal(await errorOf(pino.transport({ target, options: { url: 'nowhere', gzipp: true } })), 'ERR_FANOUT_OPTIONS: gzipp: unknown option; did you mean "gzip"?\n  url: expected an http:// or https:// URL, got "nowhere"')
})

t.test('wrong options of several HTTP targets fail the transport at once, with their paths, together with all else', async t => {
  const message = await errorOf(pino.transport({
    target: 'pino-breaker-fanout',
    options: {
      targets: [
        { target, options: { url: 'http://127.0.0.1:1', format: 'elasticsearch' } },
        { target, options: { url: 1, concurency: 2 } },
        { target },
        { target, options: { url: 'http://127.0.0.1:1', auth: { token: { env: 'FANOUT_TEST_UNSET' } }, headers: { 'x-key': { file: '/no/such/key' } }, tls: { ca: '/no/such/ca.pem' } } },
        { pipeline: [{ target, options: { url: 'x' } }] },
        { target: 'pino/file', whenOpn: 'hold' }
      ]
    }
  }))
  t.same(message.split(/\n {2}/).sort(), [
    'ERR_FANOUT_OPTIONS: targets[5].whenOpn: unknown option; did you mean "whenOpen"?',
    'targets[0].options.elasticsearch.index: expected a non-empty string, as the URL names no index, got nothing',
    'targets[1].options.concurency: unknown option; did you mean "concurrency"?',
    'targets[1].options.url: expected a non-empty string, got 1',
    'targets[2].options: expected an object, got nothing',
    'targets[3].options.auth.token: the environment variable FANOUT_TEST_UNSET is not set',
    'targets[3].options.headers["x-key"]: the file /no/such/key cannot be read (ENOENT)',
    'targets[3].options.tls.ca: the file /no/such/ca.pem cannot be read (ENOENT)',
    'targets[4].pipeline[0].options.url: expected an http:// or https:// URL, got "x"',
    'targets[4].pipeline[0].target: a delivery sink is no stream, and cannot stand in a pipeline: give it a target of its own'
  ])
})

t.test('a secret may come from the environment that is given to the sink\'s thread alone', async t => {
  const backend = await openBackend(t)
  const transport = pino.transport({
    target: 'pino-breaker-fanout',
    options: { targets: [{ target, worker: { env: { FANOUT_TEST_OWN: 'a-token' } }, options: { url: backend.url, auth: { token: { env: 'FANOUT_TEST_OWN' } } } }] }
  })
  pino(transport).info('hi')
  await until(() => backend.requests.length === 1, 'the line')
  t.equal(backend.requests[0]?.headers.authorization, 'Bearer a-token')
  await end(transport)
})
