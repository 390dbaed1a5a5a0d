import { fanoutDefaults } from '../defaults.js'
import { choice, flag, object, off, text } from '../fields.js'
import type { SchemaNode } from '../schema-node.js'

const MAX_PORT = 65535

function port (minimum: number, description: string): SchemaNode {
  return { type: 'integer', minimum, maximum: MAX_PORT, description }
}

const portRange = object({
  from: port(1, 'The first port that is tried.'),
  to: port(1, 'The last port that is tried.')
}, {
  required: ['from', 'to'],
  description: 'Ports of which the monitor takes the first free one, for several processes with the same options.',
  'x-type': 'PortRange'
})

/** The option `monitor`. */
export const monitorSchema = choice([off, object({
  port: choice([port(0, 'A port.'), portRange], {
    description: 'The TCP port; 0 for any free one. `{ from, to }`: the first free one of these. Either `port` or `socket` is required.',
    'x-default': 'none'
  }),
  socket: text({
    description: 'Path of a Unix socket, in place of `port`. Only this user may connect to it (mode 0600). A relative path starts from the working directory. On Windows: the name of a pipe, `\\\\.\\pipe\\…`.',
    'x-default': 'none',
    'x-env': false
  }),
  host: text({
    description: 'Address or name of the network interface to listen on. One that other machines can reach requires a `token`.',
    default: fanoutDefaults.monitor.host
  }),
  token: text({
    description: 'What every request must bring, except for `/healthz`: as a bearer token, or as the password of HTTP\'s basic authentication. Without spaces and control characters.',
    writeOnly: true,
    'x-default': 'none'
  }),
  actions: flag({
    description: '`true`: sinks can be acted upon by POST requests. Requires a `token`.',
    default: fanoutDefaults.monitor.actions
  })
}, { 'x-type': 'MonitorOptions', description: 'The HTTP server of the transport\'s worker thread, for operators.' })], {
  title: 'Monitor',
  description: 'An HTTP server in the transport\'s worker thread: metrics, health, a page, and actions on sinks.',
  'x-default': 'off'
})
