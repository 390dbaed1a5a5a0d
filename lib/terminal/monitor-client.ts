import { once } from 'node:events'
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http'
import { UsageError } from '../cli/command.js'
import { EventStreamParser, type ServerEvent } from './event-stream.js'
import { showMonitorAddress, type MonitorAddress } from './monitor-address.js'

/** A monitor that sends nothing for this long is gone: it sends a snapshot each second. */
const SILENCE_MS = 10000
const MAX_BODY_BYTES = 32 * 1024 * 1024

/** Reads what a monitor tells. */
export class MonitorClient {
  readonly #address: MonitorAddress
  readonly #token: string | undefined

  constructor (address: MonitorAddress, token: string | undefined) {
    this.#address = address
    this.#token = token
  }

  /**
   * The JSON of `/snapshot.json`.
   *
   * @throws UsageError if the monitor wants another token
   */
  async readSnapshot (stop: AbortSignal): Promise<unknown> {
    const response = await this.#get('/snapshot.json', 'application/json', stop)
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > MAX_BODY_BYTES) throw new RangeError(`the answer has more than ${MAX_BODY_BYTES} bytes`)
      chunks.push(chunk)
    }
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown
  }

  /**
   * The events of `/events`, until the monitor ends the connection.
   *
   * @throws UsageError if the monitor wants another token
   */
  async * readEvents (stop: AbortSignal): AsyncGenerator<ServerEvent> {
    const response = await this.#get('/events', 'text/event-stream', stop)
    const parser = new EventStreamParser()
    for await (const chunk of response as AsyncIterable<Buffer>) yield * parser.read(chunk)
  }

  async #get (path: string, accept: string, signal: AbortSignal): Promise<IncomingMessage> {
    const headers = { accept, ...this.#token !== undefined && { authorization: `Bearer ${this.#token}` } }
    const options: RequestOptions = { headers, signal, timeout: SILENCE_MS, agent: false }
    const address = this.#address
    const isSecure = address.kind === 'url' && address.url.protocol === 'https:'
    const request = isSecure ? (await import('node:https')).request : requestHttp
    const sent = address.kind === 'socket'
      ? request({ ...options, socketPath: address.path, path })
      : request(new URL(path, address.url), options)
    sent.on('timeout', () => sent.destroy(new Error(`nothing came from ${showMonitorAddress(address)} for ${SILENCE_MS / 1000} s`)))
    sent.end()
    const [response] = await once(sent, 'response') as [IncomingMessage]
    const { statusCode } = response
    if (statusCode === 200) return response
    response.resume()
    if (statusCode === 401) throw new UsageError(`top: ${showMonitorAddress(address)} wants ${this.#token === undefined ? 'a' : 'another'} token`)
    throw new Error(`${showMonitorAddress(address)}${path} answered ${statusCode}`)
  }
}
