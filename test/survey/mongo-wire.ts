import { BSON } from 'bson'
import type { Socket } from 'node:net'

const HEADER_BYTES = 16
const OP_REPLY = 1
const OP_QUERY = 2004
const OP_MSG = 2013
const BODY = 0
const DOCUMENTS = 1

interface Command { [key: string]: unknown, documents?: Array<{ msg?: unknown }> }

/**
 * As much of MongoDB's wire protocol as its driver needs to connect and to insert. It stands for a mongod, which is not
 * packaged for every system; what the driver does when nobody is there, or nobody answers, does not depend on it.
 */
export class MongoConversation {
  readonly #socket: Socket
  readonly #onInsert: (message: unknown) => void
  #rest = Buffer.alloc(0)

  constructor (socket: Socket, onInsert: (message: unknown) => void) {
    this.#socket = socket
    this.#onInsert = onInsert
  }

  begin (): void {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk])
      while (this.#rest.length >= 4 && this.#rest.length >= this.#rest.readInt32LE(0)) {
        const length = this.#rest.readInt32LE(0)
        this.#answer(this.#rest.subarray(0, length))
        this.#rest = this.#rest.subarray(length)
      }
    })
  }

  #answer (message: Buffer): void {
    const id = message.readInt32LE(4)
    if (message.readInt32LE(12) === OP_QUERY) {
      const prologue = Buffer.alloc(20)
      prologue.writeInt32LE(1, 16)
      return this.#send(id, OP_REPLY, Buffer.concat([prologue, BSON.serialize(hello())]))
    }
    const command = readCommand(message)
    const inserted = command.documents ?? []
    for (const { msg } of inserted) this.#onInsert(msg)
    const reply = 'insert' in command ? { n: inserted.length, ok: 1 } : 'hello' in command || 'ismaster' in command ? hello() : { ok: 1 }
    this.#send(id, OP_MSG, Buffer.concat([Buffer.from([0, 0, 0, 0, BODY]), BSON.serialize(reply)]))
  }

  #send (answerTo: number, code: number, payload: Buffer): void {
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeInt32LE(HEADER_BYTES + payload.length, 0)
    header.writeInt32LE(answerTo, 8)
    header.writeInt32LE(code, 12)
    this.#socket.write(Buffer.concat([header, payload]))
  }
}

function hello (): BSON.Document {
  return { helloOk: true, isWritablePrimary: true, ismaster: true, maxBsonObjectSize: 16777216, maxMessageSizeBytes: 48000000, maxWriteBatchSize: 100000, minWireVersion: 0, maxWireVersion: 21, readOnly: false, ok: 1 }
}

/** A message has sections: one document with the command, and sequences of documents that belong into it. */
function readCommand (message: Buffer): Command {
  let command: Command = {}
  let at = HEADER_BYTES + 4
  while (at < message.length) {
    const kind = message[at++]
    const end = at + message.readInt32LE(at)
    if (kind === BODY) command = { ...command, ...BSON.deserialize(message.subarray(at, end)) }
    if (kind === DOCUMENTS) command.documents = readSequence(message.subarray(at, end))
    at = end
  }
  return command
}

function readSequence (section: Buffer): Array<{ msg?: unknown }> {
  const documents: Array<{ msg?: unknown }> = []
  let at = section.indexOf(0, 4) + 1
  while (at < section.length) {
    const end = at + section.readInt32LE(at)
    documents.push(BSON.deserialize(section.subarray(at, end)))
    at = end
  }
  return documents
}
