// An app that logs as fast as it can: `lines` lines through `transport`, then waits for the transport to close.
// `startsProcesses`: the transport starts some, whose memory counts too.
import { once } from 'node:events'
import pino from 'pino'
import { labelOf, recordOf } from '../lines.js'
import { watchChildren } from '../runner/tell.js'

const { transport: options, lines, startsProcesses = false } = JSON.parse(process.argv[2])
if (startsProcesses) watchChildren()
const transport = pino.transport(options)
const log = pino({ level: 'trace' }, transport)

await once(transport, 'ready')
transport.ref()
for (let n = 0; n < lines; n++) log[labelOf(n)](recordOf(n), 'request completed')
const closed = once(transport, 'close')
transport.end()
await closed
