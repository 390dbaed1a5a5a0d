import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** Counts the lines of an app wherever they arrive. All lines have the same message, and no other text has it. */
export class LineCounter {
  /** Lines that the backend at `<url>/up` has taken. At any other path it answers 503. */
  arrived = 0
  readonly #message: string
  readonly #server = createServer(async (request, response) => {
    const body = (await request.toArray()).join('')
    if (request.url === '/up') this.arrived += this.#count(body)
    response.writeHead(request.url === '/up' ? 204 : 503).end()
  })

  private constructor (message: string) {
    this.#message = message
  }

  /** Starts the backend. */
  static async open (message: string): Promise<LineCounter> {
    const counter = new LineCounter(message)
    await once(counter.#server.listen(0, '127.0.0.1'), 'listening')
    return counter
  }

  get url (): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Counts the lines of a file, or those of a spool in a folder; 0 if it is not there. */
  in (path: string): number {
    if (!existsSync(path)) return 0
    if (path.endsWith('spool')) {
      const segments = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ndjson'))
      return segments.reduce((sum, name) => sum + this.in(join(path, name)), 0)
    }
    return this.#count(readFileSync(path, 'utf8'))
  }

  close (): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #count (text: string): number {
    return text.split(this.#message).length - 1
  }
}
