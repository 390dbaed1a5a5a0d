import { setTimeout as sleep } from 'node:timers/promises'
import { parseWords, UsageError, type Command, type Outside } from '../cli/command.js'
import { variableOf } from '../options/env.js'
import { noticeText, transitionText } from './changes.js'
import type { ServerEvent } from './event-stream.js'
import { parseMonitorAddress, showMonitorAddress } from './monitor-address.js'
import { MonitorClient } from './monitor-client.js'
import { readMonitorSnapshot, readNotice, readTransition } from './monitor-snapshot.js'
import { styleFor } from './style.js'
import { TopScreen, type Change } from './top-screen.js'

/** The variable that sets the token of a monitor also tells it here. */
const TOKEN_VARIABLE = variableOf(['monitor', 'token'])
const usage = `Usage: pino-breaker-fanout top <address> [options]

Shows what the monitor of a transport tells, in a terminal: all targets, and their last changes. It
connects again when the transport is gone for a while. Keys: q or Ctrl-C ends it.

  <address>             http://127.0.0.1:9464, 127.0.0.1:9464, 9464, or the path of a Unix socket
  --token <token>       the monitor's token; safer in the environment, as ${TOKEN_VARIABLE}
  --once                print one table and end; also if stdout is no terminal

Exit codes: 0 it was shown, 1 the monitor could not be read, 2 the call or the token was wrong.
`
const options = { token: { type: 'string' }, once: { type: 'boolean' } } as const
const RETRY_MS = 1000
const [INTERRUPT, QUIT] = ['\u0003', 'q']

/** Shows what a monitor tells. */
export const topCommand: Command = {
  usage,
  async run (words, outside) {
    const { values, positionals: [given, ...more] } = parseWords(words, options)
    if (given === undefined) throw new UsageError('top: the address is missing, expected that of a monitor, such as http://127.0.0.1:9464')
    if (more.length > 0) throw new UsageError(`top: expected one address, got ${more.length + 1}: ${[given, ...more].join(', ')}`)
    const address = parseMonitorAddress(given)
    const client = new MonitorClient(address, values.token ?? (process.env[TOKEN_VARIABLE] || undefined))
    const { stdout } = outside
    const screen = new TopScreen(stdout, showMonitorAddress(address), styleFor(process.env, stdout.isTTY === true))
    return values.once === true || stdout.isTTY !== true ? await showOnce(client, screen, outside) : await showLive(client, screen, outside)
  }
}

async function showOnce (client: MonitorClient, screen: TopScreen, { stdout, stop }: Outside): Promise<boolean> {
  screen.show(readMonitorSnapshot(await client.readSnapshot(stop)))
  stdout.write(`${screen.lines(Infinity).join('\n')}\n`)
  return true
}

async function showLive (client: MonitorClient, screen: TopScreen, { stop }: Outside): Promise<boolean> {
  const quitting = new AbortController()
  const end = AbortSignal.any([stop, quitting.signal])
  const release = takeKeys(() => quitting.abort())
  const redraw = (): void => screen.draw()
  const restore = (): void => screen.close()
  process.on('exit', restore)
  process.stdout.on('resize', redraw)
  screen.open()
  try {
    while (!end.aborted) {
      try {
        for await (const event of client.readEvents(end)) take(event, screen)
        screen.warn('the monitor has ended; waiting for it to come back')
      } catch (error) {
        if (error instanceof UsageError) throw error
        if (!end.aborted) screen.warn(`no connection: ${error instanceof Error ? error.message : String(error)}`)
      }
      await sleep(RETRY_MS, undefined, { signal: end }).catch(() => {})
    }
  } finally {
    screen.close()
    release()
    process.off('exit', restore)
    process.stdout.off('resize', redraw)
  }
  return true
}

function take ({ name, data }: ServerEvent, screen: TopScreen): void {
  const value: unknown = JSON.parse(data)
  switch (name) {
    case 'snapshot':
    case 'end': return screen.show(readMonitorSnapshot(value))
    case 'transition': return screen.add([changeOf(value)])
    case 'notice': return screen.add(noticesOf([value]))
    case 'history': {
      const { transitions, notices } = (value ?? {}) as { transitions?: unknown, notices?: unknown }
      const changes = [...Array.isArray(transitions) ? transitions.map(changeOf) : [], ...Array.isArray(notices) ? noticesOf(notices) : []]
      return screen.add(changes, true)
    }
  }
}

function changeOf (value: unknown): Change {
  const event = readTransition(value)
  return { time: event.time, text: transitionText(event) }
}

function noticesOf (values: readonly unknown[]): Change[] {
  return values.flatMap(value => {
    const notice = readNotice(value)
    return notice === undefined ? [] : [{ time: notice.time, text: noticeText(notice) }]
  })
}

/** Reads single keys. @returns A function that gives the keyboard back */
function takeKeys (onQuit: () => void): () => void {
  const { stdin } = process
  if (!stdin.isTTY) return () => {}
  const onKeys = (keys: Buffer): void => {
    const text = keys.toString()
    if (text.includes(QUIT) || text.includes(INTERRUPT)) onQuit()
  }
  stdin.setRawMode(true)
  stdin.on('data', onKeys)
  return () => {
    stdin.off('data', onKeys).pause()
    stdin.setRawMode(false)
  }
}
