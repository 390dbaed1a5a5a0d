import { fork, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'

const LIMIT_MS = 30000

/** Instructions for `test/fixtures/spool-user.js`. */
export interface SpoolPlan {
  folder: string
  life?: number
  /** A file that gets the number of lines on the disk. */
  written?: string
  /** A file that gets the lines that were read. */
  delivered?: string
  /** The number of lines that it appends. */
  appends?: number
  reads?: boolean
  /** Whether it uses a spool with slots. */
  hasSlots?: boolean
  settings?: object
}

/** Whether processes can be started as in a container: they do not see those outside. */
export function hasContainers (): boolean {
  return spawnSync('unshare', [...CONTAINER, 'true']).status === 0
}

const CONTAINER = ['--pid', '--fork', '--mount-proc', '--kill-child']

/** A message of `test/fixtures/spool-user.js`. */
export interface SpoolMessage {
  adopted?: number
  opened?: { lines: number, cutBytes: number }
  hindered?: { kind: string, pid?: number }
  written?: number
  delivered?: number
  left?: number
  dropped?: number
  fault?: string
}

/** A process that uses a spool. */
export class SpoolUser {
  readonly messages: SpoolMessage[] = []
  readonly #child: ChildProcess
  #onMessage: () => void = () => {}
  readonly #exited: Promise<unknown>

  constructor (plan: SpoolPlan, { isInContainer = false } = {}) {
    this.#child = fork(resolve('test/fixtures/spool-user.js'), [JSON.stringify(plan)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      ...isInContainer && { execPath: 'unshare', execArgv: [...CONTAINER, process.execPath] }
    })
    this.#exited = once(this.#child, 'exit')
    this.#child.on('message', message => {
      this.messages.push(message as SpoolMessage)
      this.#onMessage()
    })
  }

  get pid (): number {
    return this.#child.pid as number
  }

  /** Waits until a condition holds for its messages. Fails if that takes too long or the process ends. */
  async until (holds: (messages: readonly SpoolMessage[]) => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`it did not come to that: ${JSON.stringify(this.messages.slice(-3))}`)), LIMIT_MS)
      const settle = (act: () => void): void => {
        clearTimeout(limit)
        this.#onMessage = () => {}
        act()
      }
      this.#onMessage = () => { if (holds(this.messages)) settle(resolve) }
      this.#exited.then(() => settle(() => reject(new Error('the process has ended'))))
      this.#onMessage()
    })
  }

  async kill (): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** Makes it close its spool and end. */
  async end (): Promise<void> {
    this.#child.send('end')
    await this.#exited
  }
}
