/**
 * The target that posts to the collector, as a delivery sink: it says of each batch what became of it.
 *
 * @param {{ url: string }} options
 * @returns {import('pino-breaker-fanout').DeliverySink}
 */
export default function collectorSink ({ url }) {
  return {
    async send (batch, { signal }) {
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: batch.text, signal })
      await response.arrayBuffer()
      if (!response.ok) throw Object.assign(new Error(`the collector answered ${response.status}`), { statusCode: response.status })
    }
  }
}
