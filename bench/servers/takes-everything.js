// A backend that takes every line: Loki's push API, the bulk API of Elasticsearch, and OTLP in JSON and in Protocol Buffers. A process of its own, so that its work is
// not counted. Tells its parent its port, and then what has arrived.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { gunzipSync } from 'node:zlib'

const NEWLINE = 10
const TELL_MS = 10

const counts = { lines: 0, requests: 0, bytes: 0 }
let timer
const server = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray())
  response.setHeader('x-elastic-product', 'Elasticsearch')
  if (request.url.startsWith('/loki/')) {
    count(JSON.parse(body.toString()).streams.reduce((sum, { values }) => sum + values.length, 0), body)
    return response.writeHead(204).end()
  }
  if (request.url === '/v1/logs') {
    const isJson = request.headers['content-type'] === 'application/json'
    const content = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
    count(countRecords(isJson ? JSON.parse(content.toString()) : decodeOtlp(content)), body)
    return response.setHeader('content-type', request.headers['content-type']).end(isJson ? '{}' : '')
  }
  response.setHeader('content-type', 'application/json')
  if (!request.url.includes('_bulk')) return response.end(JSON.stringify({ version: { number: '9.0.0' }, tagline: 'You Know, for Search' }))
  const lines = countNewlines(body) / 2
  count(lines, body)
  response.end(`{"took":1,"errors":false,"items":[${Array(lines).fill('{"index":{"status":201}}').join(',')}]}`)
}).listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('disconnect', () => process.exit())

function count (lines, body) {
  counts.lines += lines
  counts.requests += lines > 0 ? 1 : 0
  counts.bytes += body.length
  timer ??= setTimeout(() => {
    timer = undefined
    process.send(counts)
  }, TELL_MS)
}

function countRecords ({ resourceLogs }) {
  return resourceLogs.flatMap(({ scopeLogs }) => scopeLogs).reduce((sum, { logRecords }) => sum + logRecords.length, 0)
}

function decodeOtlp (body) {
  return createRequire(import.meta.url)('otlp-protocol/build/src/generated/root').opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest.decode(body)
}

function countNewlines (bytes) {
  let count = 0
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count++
  return count
}
