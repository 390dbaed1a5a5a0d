import t, { type Test } from 'tap'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { SinkSockets } from '#lib/child/sink-sockets'

/** Records the callbacks for the sockets of this thread. The test moves the time. */
function watch (t: Test) {
  const told: string[] = []
  const time = { now: 0 }
  const sockets = new SinkSockets(() => time.now, {
    onOpened: () => told.push('opened'),
    onPlain: () => told.push('plain'),
    onError: error => told.push(`error ${(error as NodeJS.ErrnoException).code}`),
    onStalled: () => told.push('stalled')
  })
  t.teardown(() => sockets.close())
  return { told, sockets, time }
}

/** A socket of this thread to a peer that reads nothing. */
async function connect (t: Test): Promise<Socket> {
  const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [[peer]] = await Promise.all([once(server, 'connection'), once(socket, 'connect')])
  t.teardown(() => {
    socket.destroy()
    peer.destroy()
    server.close()
  })
  return socket
}

t.test('what was written and what has left are counted, of sockets that are open and carry no requests', async t => {
  const { sockets } = watch(t)
  const [socket, carrier] = [await connect(t), await connect(t)]
  sockets.noteCarrier(carrier)
  await new Promise(resolve => socket.write('four', resolve))
  carrier.write('of a request')
  t.same(sockets.traffic, { written: 4, sent: 4 })
  socket.write(Buffer.alloc(64 * 1024 * 1024))
  t.equal(sockets.traffic.written, 4 + 64 * 1024 * 1024)
  t.ok(sockets.traffic.sent < sockets.traffic.written)
  socket.destroy()
  await once(socket, 'close')
  t.same(sockets.traffic, { written: 0, sent: 0 })
  t.equal(sockets.areOpen, true)
})

t.test('a socket that carries no requests is told of, the first only, and one of UDP as well', async t => {
  const { told } = watch(t)
  await connect(t)
  await connect(t)
  t.same(told, ['opened', 'plain', 'opened'])
  const other = watch(t)
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  t.same(other.told, ['plain'])
})

t.test('bytes that do not move for too long are told of, and again after as long', async t => {
  const { told, sockets } = watch(t)
  const socket = await connect(t)
  socket.write(Buffer.alloc(64 * 1024 * 1024))
  const begun = told.length
  // The bytes that the system takes at first are progress.
  for (let now = 0, sent = -1; sent !== sockets.traffic.sent; now++) {
    sent = sockets.traffic.sent
    sockets.findStalled(now, 1000)
    await new Promise(resolve => setImmediate(resolve))
  }
  sockets.findStalled(5000, 1000)
  sockets.findStalled(5999, 1000)
  t.same(told.slice(begun), ['stalled'])
  sockets.findStalled(6000, 1000)
  t.same(told.slice(begun), ['stalled', 'stalled'])
})

t.test('an error is told of, unless the socket carries requests', async t => {
  const { told, sockets } = watch(t)
  const [socket, carrier] = [await connect(t), await connect(t)]
  sockets.noteCarrier(carrier)
  for (const broken of [socket, carrier]) {
    broken.on('error', () => {})
    const closed = new Promise(resolve => broken.once('close', resolve))
    broken.destroy(Object.assign(new Error('no'), { code: 'EPIPE' }))
    await closed
  }
  t.same(told.filter(what => what.startsWith('error')), ['error EPIPE'])
})
