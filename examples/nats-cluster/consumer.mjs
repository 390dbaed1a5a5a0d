// Writes the stream into files, one for each subject, in the folder `archive`. With --once it ends when the stream has no more.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

const POSITION = 'archive/position'
const servers = (process.env.NATS_PORTS ?? '4222,4223,4224').split(',').map(port => `127.0.0.1:${port}`)
const isOnce = process.argv.includes('--once')
const written = new Map()
// The stream numbers its messages. One that comes again, since its acknowledgement was lost, is not written again.
let position = existsSync(POSITION) ? Number(readFileSync(POSITION, 'utf8')) : 0
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort())

mkdirSync('archive', { recursive: true })
const connection = await connect({ servers, maxReconnectAttempts: -1 })
while (!stop.signal.aborted) {
  try {
    const manager = await jetstreamManager(connection)
    // What is acknowledged acknowledges all before it.
    await manager.consumers.add('LOGS', { durable_name: 'archive', ack_policy: AckPolicy.All })
    await copy(await jetstream(connection).consumers.get('LOGS', 'archive'))
    break
  } catch (error) {
    // Such as an election: there is no leader for some seconds.
    console.log(`tries again: ${error.message}`)
    await sleep(1000)
  }
}
for (const [subject, count] of [...written].sort()) console.log(`archive/${subject}.log: ${count} lines`)
await connection.close()

async function copy (consumer) {
  while (!stop.signal.aborted) {
    const texts = new Map()
    let last
    for await (const message of await consumer.fetch({ max_messages: 500, expires: 1000 })) {
      last = message
      if (message.seq <= position) continue
      texts.set(message.subject, `${texts.get(message.subject) ?? ''}${message.string()}\n`)
      written.set(message.subject, (written.get(message.subject) ?? 0) + 1)
    }
    if (last === undefined) {
      const { num_pending: left, num_ack_pending: unacknowledged } = await consumer.info()
      if (isOnce && left === 0 && unacknowledged === 0) return
      continue
    }
    for (const [subject, text] of texts) append(`archive/${subject}.log`, text)
    position = Math.max(position, last.seq)
    writeFileSync(`${POSITION}.new`, String(position))
    renameSync(`${POSITION}.new`, POSITION)
    await last.ackAck()
  }
}

/** Appends to a file, and waits until that is on the disk: after the acknowledgement the stream will not give it again. */
function append (path, text) {
  const file = openSync(path, 'a')
  writeFileSync(file, text)
  fsyncSync(file)
  closeSync(file)
}
