import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ProtocolName } from './protocols.js'

/** What a backend can be made to do. */
export type BackendMode = 'up' | 'gone' | 'reset' | 'black hole' | 'full' | 503 | 429 | 401

/** What backend a process is to be. */
export interface BackendPlan {
  readonly kind: 'http' | 'tcp' | 'udp' | 'mongo'
  readonly protocol?: ProtocolName
}

export type BackendOrder = { readonly type: 'turn', readonly mode: BackendMode } | { readonly type: 'arrivals' }
export type BackendReport = { readonly type: 'turned', readonly port: number } | { readonly type: 'arrivals', readonly times: Map<number, number> }

/** Whatever lines are sent to: what can befall it, and what has arrived. */
export interface Backend {
  /** Where it is: `host:port`, or a path. */
  readonly address: string
  /** Turns to another mode; settles when that is so. */
  turn (mode: BackendMode): Promise<void>
  /** How often each line has arrived. */
  arrivals (): Promise<Map<number, number>>
  close (): Promise<void>
}

const PROCESS = fileURLToPath(new URL('backend-process.js', import.meta.url))

/** Starts a backend that is up. */
export async function startBackend (plan: BackendPlan): Promise<Backend> {
  const child = fork(PROCESS, [JSON.stringify(plan)], { serialization: 'advanced', execArgv: [] })
  const address = `127.0.0.1:${(await ask(child, { type: 'turn', mode: 'up' }, 'turned')).port}`
  return {
    address,
    async turn (mode) {
      await ask(child, { type: 'turn', mode }, 'turned')
    },
    async arrivals () {
      return (await ask(child, { type: 'arrivals' }, 'arrivals')).times
    },
    async close () {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
  }
}

async function ask<Type extends BackendReport['type']> (child: ChildProcess, order: BackendOrder, type: Type): Promise<BackendReport & { type: Type }> {
  return await new Promise((resolve, reject) => {
    const onExit = (): void => reject(new Error('the backend has exited'))
    const onMessage = (report: BackendReport): void => {
      if (!isReport(report, type)) return
      child.off('message', onMessage).off('exit', onExit)
      resolve(report)
    }
    child.on('message', onMessage).once('exit', onExit)
    child.send(order)
  })
}

function isReport<Type extends BackendReport['type']> (report: BackendReport, type: Type): report is BackendReport & { type: Type } {
  return report.type === type
}
