import { onAppMessage } from '../app-port.js'
import type { Controls } from '../controls.js'
import { CHANNEL_CODE, type ChannelMessage, type ChannelOffer } from './messages.js'

/**
 * Serves every channel that the app offers. If there are several transports in this thread, the first one takes the offer. The
 * server itself is loaded with the first offer: a transport that nobody watches does not pay for it.
 *
 * @returns A function that stops taking offers
 */
export function takeOffers (controls: Controls): () => void {
  return onAppMessage(message => {
    if (message?.code !== CHANNEL_CODE) return
    const offer = message as ChannelOffer
    const { port } = offer
    if (port === undefined) return
    delete offer.port
    import('./channel-server.js').then(({ serveChannel }) => serveChannel(port, controls)).catch((error: unknown) => {
      // The files of the package may have been replaced while the app runs.
      port.postMessage({ type: 'fault', message: String(error) } satisfies ChannelMessage)
      port.close()
    })
  })
}
