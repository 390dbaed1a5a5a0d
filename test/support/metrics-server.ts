import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { FanoutSnapshot } from '#lib/metrics'
import { expose } from '#lib/monitor/exposition'

/** Serves the metrics of a transport at `/metrics`, in the format that the scraper prefers, and as text at `/text`. */
export interface MetricsServer {
  port: number
  /** The content types that scrapers got at `/metrics`. */
  contentTypes: Set<string>
  stop (): Promise<void>
  /** Starts it again at the same port. */
  start (): Promise<void>
}

/** Serves metrics until the end of the test. */
export async function serveMetrics (t: Test, snapshot: () => FanoutSnapshot): Promise<MetricsServer> {
  const contentTypes = new Set<string>()
  let server: Server | undefined
  const served: MetricsServer = {
    port: 0,
    contentTypes,
    async start () {
      server = createServer((request, response) => {
        const accept = request.url === '/text' ? undefined : request.headers.accept
        expose(snapshot(), accept, [process.cwd()]).then(({ contentType, body }) => {
          if (request.url !== '/text') contentTypes.add(contentType)
          response.writeHead(200, { 'content-type': contentType }).end(body)
        }, error => response.writeHead(500).end(String(error)))
      }).listen(served.port, '127.0.0.1')
      await once(server, 'listening')
      served.port = (server.address() as AddressInfo).port
    },
    async stop () {
      const stopped = server
      server = undefined
      if (stopped === undefined) return
      stopped.closeAllConnections()
      stopped.close()
      await once(stopped, 'close')
    }
  }
  await served.start()
  t.teardown(() => served.stop())
  return served
}
