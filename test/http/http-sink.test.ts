import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import createHttpSink from '#lib/http/http-sink'
import { attempt, batchOf } from '../support/http-sinks.js'

async function bodyOf (request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

for (const gzip of [false, true]) {
  t.test(`requests that are in flight together have bodies of their own, batch after batch${gzip ? ', with gzip' : ''}`, async t => {
    const bodies: string[] = []
    const waiting: Array<() => void> = []
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      // All requests of a batch have to be there before any of them is read.
      const everybodyIsHere = new Promise<void>(resolve => { waiting.push(resolve) })
      if (waiting.length % 4 === 0) for (const go of waiting.splice(0)) go()
      await everybodyIsHere
      const body = await bodyOf(request)
      bodies.push((gzip ? gunzipSync(body) : body).toString())
      response.end()
    }
    const server = createServer((request, response) => { answer(request, response).catch(t.threw) }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())

    const sink = createHttpSink({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, format: 'json', concurrency: 4, gzip })
    t.teardown(() => sink.close())
    for (let round = 0; round < 5; round++) {
      const lines = Array.from({ length: 400 }, (_, n) => JSON.stringify({ round, n, msg: String.fromCharCode(97 + round).repeat(1000) }))
      await sink.send(batchOf(lines, `life:${round}`), attempt())
      const sent = bodies.splice(0).flatMap(body => JSON.parse(body) as unknown[]) as Array<{ n: number }>
      t.same(sent.sort((a, b) => a.n - b.n), lines.map(line => JSON.parse(line) as unknown))
    }
  })
}
