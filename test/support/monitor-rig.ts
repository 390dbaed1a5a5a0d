import { once } from 'node:events'
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import fanout, { type FanoutStream } from '#lib/fanout'
import type { FanoutOptions, MonitorOptions } from '#lib/options'
import type { MonitorAddress } from 'pino-breaker-fanout'
import { until } from './fanout-rig.js'

export const TOKEN = 'a-token'
/** Headers with the token. */
export const WITH_TOKEN = { authorization: `Bearer ${TOKEN}` }

/** An answer of the monitor. */
export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** The body as JSON; `undefined` if it is none. */
  body: unknown
}

/** A request to the monitor. */
export interface Question {
  /** @default 'GET' */
  method?: string
  headers?: Record<string, string>
  body?: string
  agent?: Agent
}

/** Sends one request to the address that a monitor has told, and reads the answer to its end. */
export async function ask (address: string, path: string, question: Question = {}): Promise<Reply> {
  const response = await open(address, path, question)
  let text = ''
  response.setEncoding('utf8').on('data', (part: string) => { text += part })
  await once(response, 'end')
  return { status: response.statusCode as number, headers: response.headers, text, body: parsed(text) }
}

/** Sends one request, and resolves once the head of the answer has come. */
export async function open (address: string, path: string, { method = 'GET', headers = {}, body, agent }: Question = {}): Promise<IncomingMessage> {
  const asked = request({ ...placeOf(address), path, method, headers, agent: agent ?? new Agent() })
  asked.end(body)
  const [response] = await once(asked, 'response') as [IncomingMessage]
  return response
}

/** A connection to the monitor, for what no client of HTTP would do. What comes is in `received`. */
export async function dial (address: string): Promise<{ socket: Socket, received: () => string, closed: Promise<unknown> }> {
  const socket = connect(placeOf(address) as { path: string })
  let text = ''
  socket.setEncoding('latin1').on('data', (part: string) => { text += part })
  socket.on('error', () => {})
  const closed = new Promise(resolve => { socket.once('close', resolve) })
  await once(socket, 'connect')
  return { socket, received: () => text, closed }
}

/** The options of a connection to an address. */
export function placeOf (address: string): { host: string, port: number } | { socketPath: string, path: string } {
  if (address.startsWith('unix:')) return { socketPath: address.slice('unix:'.length), path: address.slice('unix:'.length) }
  const { hostname, port } = new URL(address)
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}

/** An event of `/events`. */
export interface ServerEvent {
  event: string
  data: unknown
}

/** Reads `/events`. `next` waits for the first event of a name, past or future, for which a condition holds. */
export async function readEvents (address: string, headers: Record<string, string> = WITH_TOKEN): Promise<{ events: ServerEvent[], next: <Data>(event: string, holds?: (data: Data) => boolean) => Promise<Data>, ended: () => boolean, stop: () => void }> {
  const response = await open(address, '/events', { headers })
  const events: ServerEvent[] = []
  let rest = ''
  let isOver = false
  response.setEncoding('utf8').on('data', (part: string) => {
    const blocks = (rest + part).split('\n\n')
    rest = blocks.pop() as string
    for (const block of blocks) {
      const [, event, data] = /^event: (.+)\ndata: (.+)$/.exec(block) ?? []
      if (event !== undefined && data !== undefined) events.push({ event, data: JSON.parse(data) })
    }
  })
  response.on('error', () => {}).on('close', () => { isOver = true })
  return {
    events,
    async next <Data> (event: string, holds: (data: Data) => boolean = () => true) {
      const find = (): ServerEvent | undefined => events.find(candidate => candidate.event === event && holds(candidate.data as Data))
      await until(() => find() !== undefined, `the event ${event}`)
      return find()?.data as Data
    },
    ended: () => isOver,
    stop: () => { response.destroy() }
  }
}

/** A transport with a monitor, in this thread. */
export interface MonitorRig {
  stream: FanoutStream
  address: string
  ask (path: string, question?: Question): Promise<Reply>
  /** Ends the transport. */
  end (): Promise<void>
}

/** Starts a transport in this thread, with a monitor on a free port, and destroys it at the end of the test. */
export async function openMonitor (t: Test, { monitor, ...options }: Partial<Omit<FanoutOptions, 'monitor'>> & { monitor?: MonitorOptions } = {}): Promise<MonitorRig> {
  const destination = `${t.testdir({})}/file.log`
  const stream = await fanout({
    targets: [{ target: 'pino/file', options: { destination } }],
    diagnostics: false,
    monitor: { port: 0, token: TOKEN, actions: true, ...monitor },
    ...options
  })
  const [{ address }] = await once(stream, 'monitor') as [MonitorAddress]
  const end = async (): Promise<void> => {
    if (stream.destroyed) return
    const closed = once(stream, 'close')
    stream.end()
    await closed
  }
  t.teardown(end)
  return { stream, address, ask: async (path, question) => await ask(address, path, { ...question, headers: { ...WITH_TOKEN, ...question?.headers } }), end }
}

function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
