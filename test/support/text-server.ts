import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { FanoutSnapshot } from '#lib/metrics'
import { expose } from '#lib/monitor/exposition'

/** Serves the metrics of a transport in Prometheus' text format, whatever the scraper prefers. */
export interface TextServer {
  port: number
  /** The `Accept` headers of the scrapers. */
  accepted: Set<string>
}

/** Serves metrics as text until the end of the test. */
export async function serveText (t: Test, snapshot: () => FanoutSnapshot): Promise<TextServer> {
  const accepted = new Set<string>()
  const server = createServer((request, response) => {
    accepted.add(request.headers.accept ?? '')
    expose(snapshot(), undefined, [process.cwd()]).then(({ contentType, body }) => {
      response.writeHead(200, { 'content-type': contentType }).end(body)
    }, error => response.writeHead(500).end(String(error)))
  }).listen(0, '127.0.0.1')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, accepted }
}
