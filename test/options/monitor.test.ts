import { join, resolve } from 'node:path'
import t from 'tap'
import { parseOptions, type FanoutOptions, type MonitorOptions } from '#lib/options'
import { isLoopback } from '#lib/options/monitor'
import { propertiesOf } from '#lib/options/schema-node'
import { fanoutSchema } from '#lib/options'

const file = { target: 'pino/file' }

function parse (monitor: false | MonitorOptions, { env = {}, ...options }: { env?: Record<string, string> } & Partial<Omit<FanoutOptions, 'env'>> = {}) {
  const variables = Object.fromEntries(Object.entries(env).map(([name, value]) => [`PINO_BREAKER_FANOUT_${name}`, value]))
  return parseOptions({ targets: [file], monitor, ...options }, { env: variables })
}

t.test('a port is on this machine alone, without a token and without actions', async t => {
  t.strictSame(parse({ port: 9464 }).monitor, {
    place: { kind: 'port', host: '127.0.0.1', isLoopback: true, from: 9464, to: 9464 },
    token: undefined,
    actions: false,
    packagePlaces: [process.cwd()]
  })
})

t.test('a range of ports may have only one', async t => {
  t.match(parse({ port: { from: 1, to: 65535 } }).monitor?.place, { from: 1, to: 65535 })
  t.match(parse({ port: { from: 7, to: 7 } }).monitor?.place, { from: 7, to: 7 })
})

t.test('a socket has an absolute path, of no more bytes than the system takes', async t => {
  t.strictSame(parse({ socket: 'log.sock' }).monitor?.place, { kind: 'socket', path: resolve('log.sock') })
  t.strictSame(parse({ socket: '\\\\.\\pipe\\log' }).monitor?.place, { kind: 'socket', path: '\\\\.\\pipe\\log' }, 'a pipe of Windows is no file')
  const most = process.platform === 'darwin' ? 103 : 107
  const longest = join('/', 'é'.repeat(most / 2 - 1)).padEnd(most - Math.floor(most / 2 - 1), 'x')
  t.equal(Buffer.byteLength(longest), most)
  t.match(parse({ socket: longest }).monitor?.place, { path: longest })
  t.throws(() => parse({ socket: `${longest}x` }), { message: `ERR_FANOUT_OPTIONS: monitor.socket: expected a path of at most ${most} bytes, got one of ${most + 1}: ` })
})

t.test('the host of a socket has no effect, and that is reported', async t => {
  t.strictSame(parse({ socket: 'a', host: '0.0.0.0' }).warnings, ['The host of the monitor has no effect: it listens on a socket.'])
})

t.test('a monitor that is false is none, and a variable turns it off or on', async t => {
  t.equal(parse(false).monitor, undefined)
  t.equal(parse({ port: 1 }, { env: { MONITOR: 'false' } }).monitor, undefined)
  const env = { MONITOR__PORT: '9464', MONITOR__HOST: '::', MONITOR__TOKEN: ' secret\n', MONITOR__ACTIONS: '1' }
  t.match(parse(false, { env }).monitor, { place: { host: '::', isLoopback: false, from: 9464, to: 9464 }, token: 'secret', actions: true })
  t.match(parse({ port: 1 }, { env: { MONITOR__PORT__FROM: '5', MONITOR__PORT__TO: '6' } }).monitor?.place, { from: 5, to: 6 })
})

t.test('no variable says where a socket is: it is ignored, and reported', async t => {
  const { monitor, warnings } = parse({ port: 1 }, { env: { MONITOR__SOCKET: '/run/log.sock' } })
  t.match(monitor?.place, { kind: 'port' })
  t.match(warnings, [/PINO_BREAKER_FANOUT_MONITOR__SOCKET is ignored/])
})

t.test('packages of the app are looked for where targets are', async t => {
  t.strictSame(parse({ port: 1 }, { resolveFrom: 'lib/app.js' }).monitor?.packagePlaces, [resolve('lib/app.js'), process.cwd()])
  t.strictSame(parse({ port: 1 }, { resolveFrom: 'file:///app/main.js' }).monitor?.packagePlaces, [resolve('/app/main.js'), process.cwd()])
})

t.test('only this machine can reach a loopback address', async t => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost', 'LocalHost.', 'app.localhost']) t.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '1', '127.1', '::2', '::ffff:10.0.0.1', '127.0.0.1.example', 'localhost.example', 'notlocalhost', '']) t.notOk(isLoopback(host), host)
})

t.test('an IPv6 address may be in brackets, as in a URL', async t => {
  t.match(parse({ port: 1, host: '[::1]' }).monitor?.place, { host: '::1', isLoopback: true })
})

t.test('the token is secret in the schema', async t => {
  t.equal(propertiesOf(propertiesOf(fanoutSchema)['monitor'] ?? {})['token']?.writeOnly, true)
})
