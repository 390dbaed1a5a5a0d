import { targetDefaults } from '../defaults.js'
import { MAX_TIMER_MS, count, level, milliseconds, object, oneOf } from '../fields.js'

/** The option `batch`. */
export const batchSchema = object({
  maxMs: milliseconds(0, 60000, {
    description: 'How long lines are gathered before they are sent, from the first of them. A full batch, a probe, a flush and the end are sent at once. `0`: not at all.',
    'x-default': '`0`; `1000` for `pino-breaker-fanout/http`',
    'x-plausible-from': 5
  }),
  maxBytes: {
    type: 'integer',
    minimum: 1,
    maximum: targetDefaults.batch.maxBytes,
    description: 'Limit for the bytes of a batch, unless it is a single line. This many are sent at once.',
    default: targetDefaults.batch.maxBytes
  }
}, {
  title: 'Batch',
  'x-default': 'the defaults of its settings',
  description: 'How lines are gathered for a delivery sink. Other sinks get lines as they come.',
  'x-type': 'BatchOptions'
})

/** The option `queue`. */
export const queueSchema = object({
  maxBytes: count({
    description: 'Limit for the bytes of all lines that are held in memory for the sink: those that wait, and those in flight whose delivery is not settled.',
    default: targetDefaults.queue.maxBytes
  }),
  maxLines: count({
    description: 'Limit for the number of lines that are held in memory for the sink, counted as for `maxBytes`.',
    default: targetDefaults.queue.maxLines
  }),
  overflow: oneOf(['drop-oldest', 'drop-newest', 'block'], {
    description: 'What a full queue drops once pushing back does not help. `\'drop-oldest\'`: its oldest lines. `\'drop-newest\'`: the new lines. `\'block\'`: its oldest lines, but it pushes back for as long as the sink makes any progress within `blockTimeoutMs`.',
    'x-default': '`\'drop-oldest\'`; `\'block\'` for `pino/file`'
  }),
  blockTimeoutMs: milliseconds(0, MAX_TIMER_MS, {
    description: 'A full queue first pushes back: it holds up the app\'s log stream as long as the sink, at its present pace, would empty the queue within this time. So a burst costs a healthy sink no lines.',
    default: targetDefaults.queue.blockTimeoutMs,
    'x-plausible-from': 20
  }),
  protectLevel: level({
    description: 'Lines at or above this level are protected, a number or a label. A queue that must lose lines loses the oldest others first, and protected ones only if there is nothing else left. With `whenOpen: \'skip\'`, protected lines wait in the queue.',
    'x-default': 'none'
  })
}, {
  title: 'Queue',
  'x-default': 'the defaults of its settings',
  description: 'Limits of the lines that are held in memory for the sink, and what happens beyond them.',
  'x-type': 'QueueOptions'
})
