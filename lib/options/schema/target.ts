import { targetDefaults } from '../defaults.js'
import { flag, list, object, text } from '../fields.js'
import { matchSchema } from './match.js'
import { policyFields } from './policy.js'

const source = {
  target: text({
    description: 'What to load, as in pino: the name of a package, an absolute path, a `file://` URL or `\'pino/file\'`.',
    'x-env': false
  }),
  options: {
    description: 'Options for what is loaded, handed to it unchanged.',
    writeOnly: true,
    'x-env': false
  }
} as const

const pipelineEntry = object(source, {
  title: 'Pipeline entry',
  description: 'A step of a pipeline, as in pino.',
  required: ['target'],
  'x-type': 'PipelineEntry'
})

/** An entry of `targets`. */
export const targetSchema = object({
  name: text({
    description: 'Unique name of the target, for diagnostics, metrics, environment variables and `fallback`.',
    'x-default': 'made from the target: the name of its package, `\'file\'` for `pino/file`, or the name of its file without the extension; if that is taken, with `-2`, `-3`, …',
    'x-env': false
  }),
  ...source,
  pipeline: list(pipelineEntry, {
    description: 'What lines pass through, in place of `target`: transforms, and a destination at the end.',
    minItems: 1,
    'x-env': false
  }),
  standby: flag({
    description: '`true`: the target only takes lines from targets whose `fallback` names it.',
    default: targetDefaults.standby
  }),
  match: matchSchema,
  ...policyFields
}, {
  title: 'Target',
  description: 'A target as in pino, `{ target, options, level }` or `{ pipeline, level }`, with a policy of its own.',
  oneOf: [
    { required: ['target'], description: 'A target that is one module.', 'x-type': 'SingleTarget' },
    { required: ['pipeline'], description: 'A target that is a pipeline.', 'x-type': 'PipelineTarget' }
  ],
  dependencies: { options: ['target'] },
  'x-type': 'TargetOptions',
  'x-extends': 'TargetPolicy'
})
