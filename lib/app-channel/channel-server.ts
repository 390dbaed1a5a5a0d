import type { MessagePort } from 'node:worker_threads'
import type { Controls } from '../controls.js'
import { FanoutError } from '../errors.js'
import { ALIVE_MS, processTime, type Call, type CallMessage, type ChannelMessage, type Refusal } from './messages.js'

/** Serves a transport's {@link Controls} over a port to the app's thread, until either of them has ended. */
export function serveChannel (port: MessagePort, controls: Controls): void {
  const post = (message: ChannelMessage): void => port.postMessage(message)
  const end = (snapshot = controls.snapshot()): void => {
    post({ type: 'end', snapshot })
    port.close()
  }
  if (controls.snapshot().hasEnded) return end()

  const pending = new Set<number>()
  let pulse: NodeJS.Timeout | undefined
  const settle = (id: number, message: ChannelMessage): void => {
    pending.delete(id)
    if (pending.size === 0) clearInterval(pulse)
    post(message)
  }
  const stopListening = controls.listen({
    onTransition: event => post({ type: 'transition', event }),
    onNotice: notice => post({ type: 'notice', notice }),
    onEnd: end
  })
  port.on('message', ({ id, call, dueAt }: CallMessage) => {
    if (processTime() >= dueAt) return
    if (pending.size === 0) pulse = setInterval(() => post({ type: 'alive', ids: [...pending] }), ALIVE_MS).unref()
    pending.add(id)
    carryOut(controls, call).then(value => settle(id, { type: 'answer', id, value }), (error: unknown) => settle(id, { type: 'refusal', id, error: refusalOf(error) }))
  })
  port.on('close', () => {
    clearInterval(pulse)
    stopListening()
  })
  port.unref()
  post({ type: 'open' })
}

async function carryOut (controls: Controls, call: Call): Promise<unknown> {
  switch (call.method) {
    case 'snapshot': return controls.snapshot()
    case 'act': return await controls.act(call.action, call.sink)
    case 'reopenFiles': return await controls.reopenFiles()
    case 'setLevel': return controls.setLevel(call.level, call.sink)
  }
}

function refusalOf (error: unknown): Refusal {
  if (!(error instanceof FanoutError)) return { code: undefined, message: String(error), sink: undefined }
  const { code, message, sink } = error
  return { code, message: message.slice(`${code}: `.length), sink }
}
