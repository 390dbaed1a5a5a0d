import { loadModule } from '../child/load.js'
import { FanoutError, readProperty } from '../errors.js'
import type { FanoutSnapshot } from '../metrics.js'
import { findPackage } from '../resolve.js'
import { prefersOpenMetrics } from './accept.js'
import { createMetrics, type PrometheusRegistry } from './prometheus.js'

/** The body of an answer to a scrape. */
export interface Exposition {
  /** The header `Content-Type`. */
  contentType: string
  body: string
}

interface Registry extends PrometheusRegistry {
  readonly contentType: string
  metrics (): Promise<string>
}

/** `Registry` of prom-client. Version 14 knows Prometheus' text only, and has no such constants. */
interface RegistryClass {
  new (contentType?: string): Registry
  OPENMETRICS_CONTENT_TYPE?: string
}

/**
 * All metrics of a transport as text, made by the app's own prom-client.
 *
 * @param accept - The header `Accept` of the request. OpenMetrics 1.0.0 if it prefers that, else Prometheus' text format 0.0.4
 * @param places - Where prom-client is looked for, before this package: directories, paths of files, or `file://` URLs
 * @throws {@link FanoutError} `ERR_FANOUT_PACKAGE_MISSING` if there is no prom-client; the message says what to install
 */
export async function expose (snapshot: FanoutSnapshot, accept: string | undefined, places: readonly string[]): Promise<Exposition> {
  const Registry = await loadRegistry(places)
  const registry = new Registry(prefersOpenMetrics(accept) ? Registry.OPENMETRICS_CONTENT_TYPE : undefined)
  for (const metric of createMetrics(() => snapshot)) registry.registerMetric(metric as never)
  return { contentType: registry.contentType, body: await registry.metrics() }
}

async function loadRegistry (places: readonly string[]): Promise<RegistryClass> {
  const file = findPackage('prom-client', places)
  if (file === undefined) {
    throw new FanoutError('ERR_FANOUT_PACKAGE_MISSING', `/metrics needs the package prom-client, which was not found from ${[...places, 'pino-breaker-fanout'].join(', ')}: npm install prom-client`)
  }
  const loaded = await loadModule(file)
  const found = readProperty(readProperty(loaded, 'default') ?? loaded, 'Registry')
  if (typeof found !== 'function') {
    throw new FanoutError('ERR_FANOUT_PACKAGE_MISSING', `/metrics needs the package prom-client, version 14 or 15, and ${file} is none: npm install prom-client`)
  }
  return found as RegistryClass
}
