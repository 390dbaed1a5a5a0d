import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { listenAt } from '#lib/monitor/listening'

const host = '127.0.0.1'

/** The system keeps the path of a socket in some 100 bytes. */
function shortFolder (t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'monitor-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function server (t: Test): Server {
  const server = createServer(socket => { socket.destroy() })
  t.teardown(() => { server.close() })
  return server
}

/** Some server on a port from which on some more are free. */
async function takePorts (t: Test, count: number): Promise<number> {
  for (;;) {
    const first = server(t).listen(0, host)
    await once(first, 'listening')
    const { port } = first.address() as AddressInfo
    if (port + count > 65535) continue
    const others = await Promise.all(Array.from({ length: count - 1 }, async (_, i) => {
      const other = server(t).listen(port + 1 + i, host)
      return await once(other, 'listening').then(() => other, () => undefined)
    }))
    if (others.every(other => other !== undefined)) return port
  }
}

function at (from: number, to = from, address = host) {
  return { kind: 'port', host: address, isLoopback: true, from, to } as const
}

t.test('port 0 is any free port, and the address tells which', async t => {
  const { address, port } = await listenAt(server(t), at(0))
  t.ok(port !== undefined && port > 0)
  t.equal(address, `http://127.0.0.1:${port}`)
})

t.test('an IPv6 address is in brackets', async t => {
  const { address, port } = await listenAt(server(t), at(0, 0, '::1'))
  t.equal(address, `http://[::1]:${port}`)
})

t.test('a port that is in use is the system\'s error', async t => {
  await t.rejects(listenAt(server(t), at(await takePorts(t, 1))), { code: 'EADDRINUSE', message: /^listen EADDRINUSE/ })
})

t.test('of a range the first free port is used', async t => {
  const first = await takePorts(t, 2)
  const { port } = await listenAt(server(t), at(first, first + 20))
  t.ok(port !== undefined && port > first + 1)
})

t.test('a range of which no port is free says so', async t => {
  const first = await takePorts(t, 2)
  await t.rejects(listenAt(server(t), at(first, first + 1)), { code: 'EADDRINUSE', message: `every port from ${first} to ${first + 1} of 127.0.0.1 is in use` })
})

t.test('any other fault ends the search', async t => {
  await t.rejects(listenAt(server(t), at(1025, 65535, '192.0.2.1')), { code: 'EADDRNOTAVAIL' })
  await t.rejects(listenAt(server(t), at(0, 0, 'no-such-host.invalid')), { code: /^(ENOTFOUND|EAI_AGAIN)$/ })
})

t.test('what must be of this machine alone is not served to others', async t => {
  await t.rejects(listenAt(server(t), at(0, 0, '0.0.0.0')), { message: 'other machines can reach 0.0.0.0: its address is 0.0.0.0' })
  await listenAt(server(t), { ...at(0, 0, '0.0.0.0'), isLoopback: false })
})

const unix = { skip: process.platform === 'win32' && 'Windows has pipes in place of Unix sockets' }

t.test('only this user may connect to a socket, and it is gone once the server is closed', unix, async t => {
  const path = join(shortFolder(t), 'a.sock')
  const listening = server(t)
  t.same(await listenAt(listening, { kind: 'socket', path }), { address: `unix:${path}` })
  t.equal(lstatSync(path).mode & 0o777, 0o600)
  listening.close()
  await once(listening, 'close')
  t.notOk(existsSync(path))
})

t.test('the socket of a process that was killed is replaced', unix, async t => {
  const dir = t.testdir({ 'listens.cjs': 'require("node:net").createServer().listen(process.argv[2], () => process.send("listening"))' })
  const path = join(shortFolder(t), 'a.sock')
  const child = fork(join(dir, 'listens.cjs'), [path])
  await once(child, 'message')
  await t.rejects(listenAt(server(t), { kind: 'socket', path }), { code: 'EADDRINUSE' }, 'while it lives it is left alone')
  t.ok(existsSync(path))
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.ok(existsSync(path))
  await listenAt(server(t), { kind: 'socket', path })
  t.equal(lstatSync(path).mode & 0o777, 0o600)
})

t.test('a socket that somebody answers at is left alone', unix, async t => {
  const path = join(shortFolder(t), 'a.sock')
  const one = server(t)
  await listenAt(one, { kind: 'socket', path })
  const { ino } = lstatSync(path)
  await t.rejects(listenAt(server(t), { kind: 'socket', path }), { code: 'EADDRINUSE' })
  t.equal(lstatSync(path).ino, ino)
})

t.test('what is no socket is never replaced', unix, async t => {
  const dir = shortFolder(t)
  writeFileSync(join(dir, 'file'), 'kept')
  mkdirSync(join(dir, 'folder'))
  symlinkSync('nowhere', join(dir, 'link'))
  for (const name of ['file', 'folder', 'link']) await t.rejects(listenAt(server(t), { kind: 'socket', path: join(dir, name) }), { code: 'EADDRINUSE' }, name)
  t.equal(readFileSync(join(dir, 'file'), 'utf8'), 'kept')
  t.ok(lstatSync(join(dir, 'link')).isSymbolicLink())
})

t.test('a folder that is not there, or may not be written to, is the system\'s error', unix, async t => {
  const dir = shortFolder(t)
  await t.rejects(listenAt(server(t), { kind: 'socket', path: join(dir, 'no', 'a.sock') }), { code: /^(ENOENT|EACCES)$/ })
  if (process.geteuid?.() === 0) return
  chmodSync(dir, 0o500)
  await t.rejects(listenAt(server(t), { kind: 'socket', path: join(dir, 'a.sock') }), { code: 'EACCES' })
  chmodSync(dir, 0o700)
})
