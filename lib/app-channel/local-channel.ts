import type { Controls, SinkAction } from '../controls.js'
import { FanoutError } from '../errors.js'
import type { FanoutSnapshot } from '../metrics.js'
import type { Channel, ChannelListener } from './channel.js'

/** The {@link Channel} to a transport in this thread. */
export class LocalChannel implements Channel {
  readonly #controls: Controls
  readonly #stopListening: () => void
  #isClosed = false

  constructor (controls: Controls, listener: ChannelListener) {
    this.#controls = controls
    this.#stopListening = controls.listen(listener)
    const snapshot = controls.snapshot()
    if (snapshot.hasEnded) listener.onEnd(snapshot)
  }

  async snapshot (): Promise<FanoutSnapshot> {
    return this.#open.snapshot()
  }

  async act (action: SinkAction, sink: string): Promise<void> {
    await this.#open.act(action, sink)
  }

  async reopenFiles (): Promise<string[]> {
    return await this.#open.reopenFiles()
  }

  async setLevel (level: number | string, sink: string | undefined): Promise<void> {
    this.#open.setLevel(level, sink)
  }

  close (): void {
    this.#isClosed = true
    this.#stopListening()
  }

  get #open (): Controls {
    if (this.#isClosed) throw new FanoutError('ERR_FANOUT_CLOSED', 'the monitor is detached')
    return this.#controls
  }
}
