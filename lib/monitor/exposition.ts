import type { FanoutSnapshot } from '../metrics.js'

/** All metrics of a transport as text. */
export async function expose (snapshot: FanoutSnapshot, _accept: string | undefined, _places: readonly string[]): Promise<{ contentType: string, body: string }> {
  return { contentType: 'text/plain; version=0.0.4; charset=utf-8', body: `pino_breaker_fanout_up_seconds ${snapshot.upMs / 1000}\n` }
}
