import { Faults } from '../options/faults.js'
import { systemSources } from '../http/secrets.js'
import { settleTls } from '../http/tls.js'
import { readAuth } from './credentials.js'
import { settleNatsOptions } from './options.js'

/**
 * Checks the options of a NATS sink before it is started. Secrets, certificates and keys that cannot be read are faults too.
 * Loads no client.
 *
 * @param env - The environment that the sink will have.
 */
export function checkNatsOptions (input: unknown, env: NodeJS.ProcessEnv): Faults {
  const faults = new Faults()
  const settings = settleNatsOptions(input, faults)
  // Faulty options may have anything in place of a secret.
  if (faults.list.length > 0) return faults
  const sources = { ...systemSources, env }
  readAuth(settings.auth, sources, faults)
  if (settings.tls !== undefined) settleTls(settings.tls, sources, faults)
  return faults
}
