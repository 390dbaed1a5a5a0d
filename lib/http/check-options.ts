import { Faults } from '../options/faults.js'
import { settleHttpOptions } from './options.js'
import { settleProxy } from './proxy.js'
import { readHeaders } from './request-headers.js'
import { systemSources } from './secrets.js'
import { settleTls } from './tls.js'

/**
 * Checks the options of an HTTP sink before it is started. Secrets, certificates, keys and proxies that cannot be read are
 * faults too. Loads no HTTP client.
 *
 * @param env - The environment that the sink will have.
 */
export function checkHttpOptions (input: unknown, env: NodeJS.ProcessEnv): Faults {
  const faults = new Faults()
  const settings = settleHttpOptions(input, faults)
  // Faulty options may have anything in place of a secret.
  if (faults.list.length > 0) return faults
  const sources = { ...systemSources, env }
  readHeaders(settings, sources, faults)
  settleTls(settings.tls, sources, faults)
  settleProxy(settings, sources, faults)
  return faults
}
