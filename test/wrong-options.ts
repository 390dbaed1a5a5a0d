import { fileURLToPath } from 'node:url'

/** Options, or variables, that are refused. */
export interface WrongOptions {
  /** Ends the sentence "refuses …". */
  what: string
  options: unknown
  env?: Record<string, string>
  /** What stands behind the code. */
  message: string
  /** Whether the published schema cannot tell: what it takes to know is the environment, other values or the file system. */
  beyondSchema?: true
}

const file = { target: 'pino/file' }
const pretty = { target: 'pino-pretty' }
const console = { name: 'console', target: 'pino-pretty', standby: true }
const looked = `looked from ${process.cwd()}, pino-breaker-fanout`

/** One target, with something wrong about it. */
const target = (fields: Record<string, unknown>) => ({ targets: [{ ...file, ...fields }] })
/** One good target, with something wrong above it. */
const above = (fields: Record<string, unknown>) => ({ targets: [file], ...fields })
const variable = (name: string, value: string) => ({ [`PINO_BREAKER_FANOUT_${name}`]: value })

export const wrongOptions: readonly WrongOptions[] = [
  // Shapes
  { what: 'no options at all', options: undefined, message: 'options: expected an object, got nothing' },
  { what: 'null', options: null, message: 'options: expected an object, got null' },
  { what: 'a list as the options', options: [file], message: 'options: expected an object, got an array' },
  { what: 'a text as the options', options: 'pino/file', message: 'options: expected an object, got "pino/file"' },
  { what: 'options without targets', options: {}, message: 'targets: expected a non-empty array of objects, got nothing' },
  { what: 'an empty list of targets', options: { targets: [] }, message: 'targets: expected a non-empty array of objects, got an empty array' },
  { what: 'one target in place of the list', options: { targets: file }, message: 'targets: expected a non-empty array of objects, got an object; it is a list, also with one entry: [{ … }]' },
  { what: 'the name of a target in place of the target', options: { targets: ['pino/file'] }, message: 'targets[0]: expected an object, got "pino/file"; did you mean { target: "pino/file" }?' },
  { what: 'a hole among the targets', options: { targets: [file, null] }, message: 'targets[1]: expected an object, got null' },
  { what: 'a target that names nothing to load', options: { targets: [{ level: 'info' }] }, message: 'targets[0]: expected a target or a pipeline, got neither' },
  {
    what: 'a target and a pipeline in one',
    options: target({ pipeline: [file] }),
    message: 'targets[0]: expected either a target or a pipeline, got both'
  },
  { what: 'a target that is no text', options: { targets: [{ target: 5 }] }, message: 'targets[0].target: expected a non-empty string, got 5' },
  { what: 'an empty target', options: { targets: [{ target: '' }] }, message: 'targets[0].target: expected a non-empty string, got ""' },
  { what: 'an empty pipeline', options: { targets: [{ pipeline: [] }] }, message: 'targets[0].pipeline: expected a non-empty array of objects, got an empty array' },
  {
    what: 'a pipeline entry without a target',
    options: { targets: [{ pipeline: [file, {}] }] },
    message: 'targets[0].pipeline[1].target: expected a non-empty string, got nothing'
  },
  { what: 'a pipeline entry that is none', options: { targets: [{ pipeline: [file, 'pino/file'] }] }, message: 'targets[0].pipeline[1]: expected an object, got "pino/file"; did you mean { target: "pino/file" }?' },
  {
    what: 'options beside a pipeline',
    options: { targets: [{ pipeline: [file], options: { password: 'secret' } }] },
    message: 'targets[0].options: belong to an entry of the pipeline'
  },

  // Matches
  { what: 'a match that is no object', options: target({ match: 'audit' }), message: 'targets[0].match: expected a non-empty object, got "audit"' },
  { what: 'a match without keys', options: target({ match: {} }), message: 'targets[0].match: expected a non-empty object, got an empty object' },
  { what: 'a key without a value in a match, which would take everything', options: target({ match: { module: undefined } }), message: 'targets[0].match.module: expected a string, a number, true or false, null, a non-empty array of values or a non-empty object, got nothing' },
  { what: 'an operator without a value', options: target({ match: { module: { exists: true, not: undefined } } }), message: 'targets[0].match.module.not: expected a string, a number, true or false, null or a non-empty array of values, got nothing', beyondSchema: true },
  { what: 'a key without operators', options: target({ match: { 'log.module': { } } }), message: 'targets[0].match["log.module"]: expected a string, a number, true or false, null, a non-empty array of values or a non-empty object, got an empty object; if it was a URL object, write its text: url.href' },
  { what: 'an empty list of values', options: target({ match: { module: [] } }), message: 'targets[0].match.module: expected a string, a number, true or false, null, a non-empty array of values or a non-empty object, got an empty array' },
  { what: 'a list within a list of values', options: target({ match: { module: ['audit', ['billing']] } }), message: 'targets[0].match.module[1]: expected a string, a number, true or false or null, got an array' },
  { what: 'a prefix that is no text', options: target({ match: { url: { prefix: 5 } } }), message: 'targets[0].match.url.prefix: expected a non-empty string or a non-empty array of strings, got 5' },
  { what: 'an empty prefix', options: target({ match: { url: { prefix: ['/api', ''] } } }), message: 'targets[0].match.url.prefix[1]: expected a non-empty string, got ""' },
  { what: '`exists` with a text', options: target({ match: { err: { exists: 'yes' } } }), message: 'targets[0].match.err.exists: expected true or false, got "yes"' },
  { what: 'a key within an object in a match', options: target({ match: { req: { url: '/api' } } }), message: 'targets[0].match.req.url: unknown option; expected "not", "prefix" or "exists": only top-level keys of a line can be matched' },
  { what: 'a misspelt operator', options: target({ match: { url: { prefx: '/api' } } }), message: 'targets[0].match.url.prefx: unknown option; did you mean "prefix"?' },
  { what: 'the name that others have for an operator', options: target({ match: { url: { startsWith: '/api' } } }), message: 'targets[0].match.url.startsWith: unknown option; did you mean "prefix"?' },
  { what: 'equality as an operator', options: target({ match: { module: { in: ['audit'] } } }), message: 'targets[0].match.module.in: unknown option; write the value, or a list of values, in place of the object' },
  { what: 'a regular expression in a match', options: target({ match: { url: /^.api/ } }), message: 'targets[0].match.url: expected a string, a number, true or false, null, a non-empty array of values or a non-empty object, got an empty object; a regular expression is not supported: "prefix" compares how a text begins' },
  { what: 'a number that JSON does not have in a match', options: target({ match: { status: NaN } }), message: 'targets[0].match.status: expected a string, a number, true or false, null, a non-empty array of values or a non-empty object, got NaN' },
  { what: 'a match at the top level', options: above({ match: { module: 'audit' } }), message: 'match: unknown option; it stands in an entry of "targets": { targets: [{ match: … }] }' },

  // Unknown keys
  { what: 'a misspelt option of a target', options: target({ whenOpne: 'skip' }), message: 'targets[0].whenOpne: unknown option; did you mean "whenOpen"?' },
  { what: 'an option in another case', options: target({ WRITETIMEOUTMS: 5 }), message: 'targets[0].WRITETIMEOUTMS: unknown option; did you mean "writeTimeoutMs"?' },
  { what: 'an unknown option that is like no other', options: above({ colour: 'red' }), message: 'colour: unknown option' },
  { what: 'an unknown option without a value', options: above({ clozeTimeoutMs: undefined }), message: 'clozeTimeoutMs: unknown option; did you mean "closeTimeoutMs"?' },
  { what: 'a key that is no word', options: above({ 'a b': 1 }), message: '["a b"]: unknown option' },
  { what: 'a key of the prototype', options: above({ constructor: 1 }), message: 'constructor: unknown option' },
  { what: 'the shape of a single target', options: { target: 'pino/file' }, message: 'target: unknown option; it stands in an entry of "targets": { targets: [{ target: … }] }\n  targets: expected a non-empty array of objects, got nothing' },
  {
    what: 'an option of the breaker one level too high',
    options: target({ failureThreshold: 3 }),
    message: 'targets[0].failureThreshold: unknown option; did you mean "breaker.failureThreshold"?'
  },
  { what: 'an option of the queue one level too high', options: above({ maxBytes: 3 }), message: 'maxBytes: unknown option; did you mean "queue.maxBytes"?' },
  { what: 'a misspelt option of the breaker', options: above({ breaker: { treshold: 3, settelMs: 1 } }), message: 'breaker.treshold: unknown option\n  breaker.settelMs: unknown option; did you mean "settleMs"?' },
  { what: 'a level within a pipeline', options: { targets: [{ pipeline: [{ ...file, level: 'info' }] }] }, message: 'targets[0].pipeline[0].level: unknown option; it stands beside "pipeline", for all of it' },
  { what: 'an option of a single target at the top level', options: above({ standby: true }), message: 'standby: unknown option; it stands in an entry of "targets": { targets: [{ standby: … }] }' },

  // Keys at the wrong level
  { what: 'dedupe within a target', options: target({ dedupe: true }), message: 'targets[0].dedupe: unknown option; it stands at the top level, beside "targets"' },
  { what: 'levels within a target', options: target({ levels: { audit: 35 } }), message: 'targets[0].levels: unknown option; it stands at the top level, beside "targets"' },
  {
    what: 'a destination beside the options of its target',
    options: target({ destination: 'app.log' }),
    message: 'targets[0].destination: unknown option; an option of what is loaded stands in "options": did you mean "options.destination"?'
  },
  {
    what: 'a path in place of a destination',
    options: target({ path: 'app.log' }),
    message: 'targets[0].path: unknown option; an option of what is loaded stands in "options": did you mean "options.destination"?'
  },
  { what: 'an option that only what is loaded can know', options: target({ host: 'loki' }), message: 'targets[0].host: unknown option; an option of what is loaded stands in "options"' },
  { what: 'an option of pino.transport() itself', options: above({ sync: true }), message: 'sync: unknown option; it is an option of pino.transport() itself, and stands beside its "options"' },
  { what: 'autoEnd for the thread of a sink', options: target({ worker: { autoEnd: false } }), message: 'targets[0].worker.autoEnd: unknown option; it is for the worker of pino.transport() itself' },
  { what: 'the name that another package has for an option', options: above({ breaker: { resetTimeout: 30000 } }), message: 'breaker.resetTimeout: unknown option; did you mean "recoveryTimeoutMs"?' },
  { what: 'a path for a spool', options: target({ whenOpen: 'spool', spool: { path: 'spool' } }), message: 'targets[0].spool.path: unknown option; did you mean "dir"?' },
  { what: 'a key of the prototype within a target', options: target({ constructor: 1 }), message: 'targets[0].constructor: unknown option; an option of what is loaded stands in "options"' },

  // Values of another kind
  {
    what: 'a URL object as a target',
    options: { targets: [{ target: new URL('file:///app/sink.js') }] },
    message: 'targets[0].target: expected a non-empty string, got a URL object; write its text: url.href'
  },
  {
    what: 'what pino makes of a URL object on its way to the transport',
    options: { targets: [{ target: {} }] },
    message: 'targets[0].target: expected a non-empty string, got an empty object; if it was a URL object, write its text: url.href'
  },
  { what: 'a URL object as the place to look from', options: above({ resolveFrom: new URL('file:///app/') }), message: 'resolveFrom: expected a non-empty string, got a URL object; write its text: url.href' },
  {
    what: 'a function as a target',
    options: { targets: [{ target: () => {} }] },
    message: 'targets[0].target: expected a non-empty string, got a function; a target is loaded by its name: export the function from a file, and write the path of that file'
  },
  {
    what: 'a function in place of a target',
    options: { targets: [() => {}] },
    message: 'targets[0]: expected an object, got a function; a target is loaded by its name: export the function from a file, and write the path of that file'
  },
  {
    what: 'a function for a sink in a thread',
    options: { targets: [{ ...pretty, options: { customPrettifiers: { time: () => '' } } }] },
    message: 'targets[0].options.customPrettifiers.time: a function cannot be handed to a sink in a thread or a process of its own; give the target isolation: "inline", or a file of its own that makes it',
    beyondSchema: true
  },
  {
    what: 'a symbol in a list for a step of a pipeline in a thread',
    options: { targets: [{ pipeline: [{ ...pretty, options: { keys: ['a', Symbol('b')] } }] }] },
    message: 'targets[0].pipeline[0].options.keys[1]: a symbol cannot be handed to a sink in a thread or a process of its own; give the target isolation: "inline", or a file of its own that makes it',
    beyondSchema: true
  },
  { what: 'a size with a unit', options: above({ queue: { maxBytes: '16MB' } }), message: 'queue.maxBytes: expected an integer >= 1, got "16MB"; write the number of bytes: 16777216' },
  {
    what: 'a duration with a unit',
    options: above({ breaker: { recoveryTimeoutMs: '30s' } }),
    message: 'breaker.recoveryTimeoutMs: expected an integer from 1 to 2147483647, got "30s"; write the number of milliseconds: 30000'
  },
  { what: 'a folder in place of a spool', options: target({ whenOpen: 'spool', spool: './spool' }), message: 'targets[0].spool: expected an object, got "./spool"; did you mean { dir: "./spool" }?' },
  { what: 'a path in place of dead letters', options: target({ deadLetter: 'dead.ndjson' }), message: 'targets[0].deadLetter: expected an object, got "dead.ndjson"; did you mean { path: "dead.ndjson" }?' },
  { what: 'a URL in place of a health check', options: target({ healthCheck: 'http://loki:3100/ready' }), message: 'targets[0].healthCheck: expected an object, got "http://loki:3100/ready"; did you mean { http: "http://loki:3100/ready" }?' },
  { what: 'a place in place of diagnostics', options: above({ diagnostics: 'stderr' }), message: 'diagnostics: expected false or an object, got "stderr"; did you mean { to: "stderr" }?' },
  { what: 'what pino makes of a list in place of the options', options: { ...[file], pinoWillSendConfig: true }, message: 'options: expected an object, got an array' },
  { what: 'what pino makes of a text in place of the options', options: { ...'pino/file' as unknown as object, pinoWillSendConfig: true }, message: 'options: expected an object, got "pino/file"' },

  // Files
  {
    what: 'a path in place of the options of a file, without showing it',
    options: target({ options: 'app.log' }),
    message: 'targets[0].options: expected an object, such as { destination: "app.log" }, got a string',
    beyondSchema: true
  },
  {
    what: 'a URL object as the destination of a file',
    options: target({ options: { destination: new URL('file:///app.log') } }),
    message: 'targets[0].options.destination: expected the path of a file or a file descriptor, got a URL object; write its path: fileURLToPath(url)',
    beyondSchema: true
  },
  {
    what: 'two targets that would write over each other',
    options: { targets: [{ ...file, options: { destination: 'a.log' } }, { ...file, options: { destination: './a.log', append: false } }] },
    message: 'targets[1].options.append: expected true, since targets[0] writes to the same file, got false',
    beyondSchema: true
  },
  {
    what: 'dead letters in the file of a log',
    options: { targets: [{ ...file, options: { destination: './logs/../a.log' } }, pretty], deadLetter: { path: 'a.log' } },
    message: 'deadLetter.path: is the file that targets[0].options logs to; dead letters need a file of their own',
    beyondSchema: true
  },
  {
    what: 'dead letters in the folder of a spool',
    options: { targets: [{ ...file, whenOpen: 'spool', spool: { dir: 'spool' }, deadLetter: { path: './spool/' } }] },
    message: 'targets[0].deadLetter.path: is the folder of targets[0].spool; dead letters need a file of their own',
    beyondSchema: true
  },

  // Values
  { what: 'a threshold of 0', options: { targets: [file, { ...pretty, breaker: { failureThreshold: 0 } }] }, message: 'targets[1].breaker.failureThreshold: expected an integer >= 1, got 0' },
  { what: 'a fractional count', options: above({ breaker: { halfOpenMaxCalls: 1.5 } }), message: 'breaker.halfOpenMaxCalls: expected an integer >= 1, got 1.5' },
  { what: 'a number as a text', options: above({ breaker: { successThreshold: '2' } }), message: 'breaker.successThreshold: expected an integer >= 1, got "2"' },
  { what: 'NaN', options: above({ breaker: { backoffMultiplier: NaN } }), message: 'breaker.backoffMultiplier: expected a number >= 1, got NaN' },
  { what: 'an infinite number', options: above({ breaker: { jitter: Infinity } }), message: 'breaker.jitter: expected a number from 0 to 1, got Infinity' },
  { what: 'a count too large to be exact', options: above({ queue: { maxBytes: 2 ** 53 } }), message: 'queue.maxBytes: expected an integer >= 1, got 9007199254740992', beyondSchema: true },
  {
    what: 'a duration that no timer takes',
    options: above({ breaker: { recoveryTimeoutMs: 2 ** 31 } }),
    message: 'breaker.recoveryTimeoutMs: expected an integer from 1 to 2147483647, got 2147483648'
  },
  { what: 'a negative duration', options: above({ breaker: { settleMs: -1 } }), message: 'breaker.settleMs: expected an integer from 0 to 2147483647, got -1' },
  { what: 'a close timeout beyond that of thread-stream', options: above({ closeTimeoutMs: 9001 }), message: 'closeTimeoutMs: expected an integer from 1 to 9000, got 9001' },
  { what: 'an unknown mode', options: above({ breaker: { mode: 'watch' } }), message: 'breaker.mode: expected "enforce" or "observe", got "watch"' },
  { what: 'a breaker that is true', options: target({ breaker: true }), message: 'targets[0].breaker: expected false or an object, got true; leave it out, and it is on' },
  { what: 'an unknown whenOpen', options: target({ whenOpen: 'wait' }), message: 'targets[0].whenOpen: expected "hold", "skip", "spool" or "fallback", got "wait"' },
  { what: 'an unknown overflow', options: above({ queue: { overflow: 'drop' } }), message: 'queue.overflow: expected "drop-oldest", "drop-newest" or "block", got "drop"' },
  { what: 'a queue that is no object', options: target({ queue: 1000 }), message: 'targets[0].queue: expected an object, got 1000' },
  { what: 'an unknown isolation', options: target({ isolation: 'fork' }), message: 'targets[0].isolation: expected "thread", "inline" or "process", got "fork"' },
  { what: 'a limit of resident memory below what Node.js itself takes', options: target({ worker: { maxRssMb: 50 } }), message: 'targets[0].worker.maxRssMb: expected a number >= 96, got 50' },
  { what: 'an unknown redelivery', options: above({ redelivery: 'exactly-once' }), message: 'redelivery: expected "at-least-once" or "at-most-once", got "exactly-once"' },
  { what: 'a flag that is no flag', options: above({ parallel: 'no' }), message: 'parallel: expected true or false, got "no"' },
  { what: 'an empty level', options: target({ level: '' }), message: 'targets[0].level: expected a number or a non-empty string, got ""' },
  { what: 'a level that is neither number nor label', options: target({ level: null }), message: 'targets[0].level: expected a number or a non-empty string, got null' },
  { what: 'a list of labels as levels', options: above({ levels: ['audit'] }), message: 'levels: expected an object, got an array' },
  { what: 'a custom level that is no number', options: above({ levels: { audit: '35' } }), message: 'levels.audit: expected a number, got "35"' },
  { what: 'an empty level key', options: above({ levelKey: '' }), message: 'levelKey: expected a non-empty string, got ""' },
  { what: 'a negative interval', options: above({ metricsIntervalMs: -5 }), message: 'metricsIntervalMs: expected an integer from 0 to 2147483647, got -5' },
  { what: 'lines of no length', options: above({ maxLineBytes: 0 }), message: 'maxLineBytes: expected an integer from 1 to 268435456, got 0' },
  { what: 'one failure event in place of a list', options: above({ failureEvents: 'drop' }), message: 'failureEvents: expected an array of strings, got "drop"' },
  { what: 'a failure event that is no text', options: target({ failureEvents: ['drop', 5n] }), message: 'targets[0].failureEvents[1]: expected a non-empty string, got 5n' },
  { what: 'a sense that is no flag', options: above({ sense: 'yes' }), message: 'sense: expected true or false or an object, got "yes"' },
  { what: 'a health check of nothing', options: target({ healthCheck: { intervalMs: 1000 } }), message: 'targets[0].healthCheck: expected either http or tcp', beyondSchema: true },
  { what: 'a health check of two things', options: target({ healthCheck: { http: 'http://a', tcp: 'a:1' } }), message: 'targets[0].healthCheck: expected either http or tcp', beyondSchema: true },
  { what: 'a health check of no URL', options: target({ healthCheck: { http: 'loki:3100/ready' } }), message: 'targets[0].healthCheck.http: expected an http:// or https:// URL, got "loki:3100/ready"', beyondSchema: true },
  { what: 'a health check of no port', options: above({ healthCheck: { tcp: 'syslog:65536' } }), message: 'healthCheck.tcp: expected host:port, the port from 1 to 65535, got "syslog:65536"', beyondSchema: true },
  { what: 'a dead-letter file without a path', options: target({ deadLetter: { maxBytes: 5 } }), message: 'targets[0].deadLetter.path: expected a non-empty string, got nothing', beyondSchema: true },
  { what: 'a dead-letter file of no path', options: above({ deadLetter: { path: '' } }), message: 'deadLetter.path: expected a non-empty string, got ""' },
  { what: 'a dead-letter file of no size', options: above({ deadLetter: { path: 'dead.ndjson', maxBytes: 0 } }), message: 'deadLetter.maxBytes: expected an integer >= 1, got 0' },
  {
    what: 'whenOpen "spool" without a place for it',
    options: target({ whenOpen: 'spool', spool: { maxBytes: 5 } }),
    message: 'targets[0].whenOpen: "spool" needs spool.dir, the folder in which lines are kept',
    beyondSchema: true
  },
  {
    what: 'a spool that is not used',
    options: target({ spool: { dir: 'spool' } }),
    message: 'targets[0].spool: is used only with whenOpen "spool", which is "hold" here',
    beyondSchema: true
  },
  {
    what: 'a spool at the top level that no target uses',
    options: above({ spool: { dir: 'spool' }, whenOpen: 'skip' }),
    message: 'spool: is used only with whenOpen "spool", which no target has',
    beyondSchema: true
  },
  {
    what: 'two targets with one spool',
    options: { targets: [{ ...file, name: 'a/b' }, { ...file, name: 'A b' }], whenOpen: 'spool', spool: { dir: '/spool' } },
    message: 'targets[1].name: "A b" would have the spool of "a/b", /spool/A-b; choose another name',
    beyondSchema: true
  },
  { what: 'a spool of no folder', options: above({ spool: { dir: '' } }), message: 'spool.dir: expected a non-empty string, got ""' },
  { what: 'a spool of a mode that there is not', options: above({ whenOpen: 'spool', spool: { dir: 'spool', mode: 'never' } }), message: 'spool.mode: expected "open" or "always", got "never"' },
  { what: 'a memory limit of 0', options: target({ worker: { resourceLimits: { stackSizeMb: 0 } } }), message: 'targets[0].worker.resourceLimits.stackSizeMb: expected a number > 0, got 0' },
  { what: 'a variable of a thread that is no text, without showing it', options: target({ worker: { env: { TOKEN: 12345 } } }), message: 'targets[0].worker.env.TOKEN: expected a string, got a number' },
  { what: 'diagnostics that are true', options: above({ diagnostics: true }), message: 'diagnostics: expected false or an object, got true; leave it out, and it is on' },
  {
    what: 'diagnostics to nobody',
    options: above({ diagnostics: { to: [] } }),
    message: 'diagnostics.to: expected "others", "stderr" or a non-empty array of strings, got an empty array'
  },
  { what: 'diagnostics to an unknown place', options: above({ diagnostics: { to: 'stdout' } }), message: 'diagnostics.to: expected "others", "stderr" or a non-empty array of strings, got "stdout"' },
  { what: 'diagnostics to something that is no name', options: above({ diagnostics: { to: [null] } }), message: 'diagnostics.to[0]: expected a non-empty string, got null' },
  {
    what: 'a long value, which it clips',
    options: target({ whenOpen: 'x'.repeat(100) }),
    message: `targets[0].whenOpen: expected "hold", "skip", "spool" or "fallback", got "${'x'.repeat(60)}…"`
  },
  {
    what: 'a URL with a password, which it does not show',
    options: target({ whenOpen: 'https://user:secret@example.com/' }),
    message: 'targets[0].whenOpen: expected "hold", "skip", "spool" or "fallback", got "https://example.com/"'
  },

  // Names
  { what: 'an empty name', options: target({ name: '' }), message: 'targets[0].name: expected a non-empty string, got ""' },
  {
    what: 'a name that two targets bear',
    options: { targets: [{ ...file, name: 'a' }, { ...pretty, name: 'a' }] },
    message: 'targets[1].name: "a" is the name of targets[0] too',
    beyondSchema: true
  },
  { what: 'the name "stderr"', options: target({ name: 'stderr' }), message: 'targets[0].name: "stderr" is reserved', beyondSchema: true },
  { what: 'the name "others"', options: target({ name: 'others' }), message: 'targets[0].name: "others" is reserved', beyondSchema: true },
  {
    what: 'diagnostics to a target that is not there',
    options: { targets: [{ ...file, name: 'main' }], diagnostics: { to: ['main', 'mian'] } },
    message: 'diagnostics.to[1]: there is no target "mian"; did you mean "main"?',
    beyondSchema: true
  },

  // What cannot be loaded
  { what: 'a package that is not there', options: { targets: [file, { target: 'no-such' }] }, message: `targets[1].target: cannot be resolved: "no-such" (${looked}); is its package installed?`, beyondSchema: true },
  { what: 'a package of a scope that is not there', options: { targets: [file, { target: '@no/such' }] }, message: `targets[1].target: cannot be resolved: "@no/such" (${looked}); is its package installed?`, beyondSchema: true },
  { what: 'a misspelt target of this package', options: { targets: [file, { target: 'pino-breaker-fanout/htpp' }] }, message: `targets[1].target: cannot be resolved: "pino-breaker-fanout/htpp" (${looked}); did you mean "pino-breaker-fanout/http"?`, beyondSchema: true },
  { what: 'a misspelt pino/file', options: { targets: [{ target: 'pino/flie' }] }, message: `targets[0].target: cannot be resolved: "pino/flie" (${looked}); did you mean "pino/file"?`, beyondSchema: true },
  { what: 'a file that is not there', options: { targets: [{ target: '/no/such/sink.js' }] }, message: `targets[0].target: cannot be resolved: "/no/such/sink.js" (${looked})`, beyondSchema: true },
  { what: 'a URL that is no path', options: { targets: [{ target: 'file://%00' }] }, message: `targets[0].target: cannot be resolved: "file://%00" (${looked})`, beyondSchema: true },
  { what: 'a module of Node.js', options: { targets: [{ target: 'fs' }] }, message: `targets[0].target: cannot be resolved: "fs" (${looked})`, beyondSchema: true },
  {
    what: 'a pipeline with an entry that is not there',
    options: { targets: [{ pipeline: [{ target: './no-such.js' }, file] }] },
    message: `targets[0].pipeline[0].target: cannot be resolved: "./no-such.js" (looked from ${process.cwd()}); to look beside your code, set resolveFrom: import.meta.url, or __filename`,
    beyondSchema: true
  },
  {
    what: 'a relative path that is not there, with resolveFrom',
    options: { targets: [{ target: './no-such.js' }], resolveFrom: import.meta.url },
    message: `targets[0].target: cannot be resolved: "./no-such.js" (looked from ${fileURLToPath(import.meta.url)}, ${process.cwd()})`,
    beyondSchema: true
  },
  { what: 'an empty resolveFrom', options: above({ resolveFrom: '' }), message: 'resolveFrom: expected a non-empty string, got ""' },
  { what: 'a resolveFrom that is no place', options: above({ resolveFrom: 'file://%00' }), message: 'resolveFrom: expected a path or a file:// URL, got "file://%00"', beyondSchema: true },

  // Fallbacks
  {
    what: 'whenOpen "fallback" without a fallback',
    options: target({ whenOpen: 'fallback' }),
    message: 'targets[0].whenOpen: "fallback" needs a fallback, the name of a standby target or "stderr"',
    beyondSchema: true
  },
  {
    what: 'the same for all targets once',
    options: { targets: [file, pretty], whenOpen: 'fallback' },
    message: 'whenOpen: "fallback" needs a fallback, the name of a standby target or "stderr"',
    beyondSchema: true
  },
  {
    what: 'a fallback that is never used',
    options: { targets: [{ ...file, fallback: 'console' }, console] },
    message: 'targets[0].fallback: is used only with whenOpen "fallback", which is "hold" here',
    beyondSchema: true
  },
  {
    what: 'a fallback at the top level that no target uses',
    options: { targets: [file, console], fallback: 'console' },
    message: 'fallback: is used only with whenOpen "fallback", which no target has',
    beyondSchema: true
  },
  {
    what: 'a fallback that is not there',
    options: { targets: [{ ...file, whenOpen: 'fallback', fallback: 'consol' }, console] },
    message: 'targets[0].fallback: there is no target "consol"; did you mean "console"?',
    beyondSchema: true
  },
  {
    what: 'a fallback that is not standby',
    options: { targets: [{ ...file, whenOpen: 'fallback', fallback: 'other' }, { ...pretty, name: 'other' }] },
    message: 'targets[0].fallback: "other" is not a standby target; give it standby: true',
    beyondSchema: true
  },
  {
    what: 'a standby target that is its own fallback',
    options: { targets: [{ ...file, whenOpen: 'fallback', fallback: 'console' }, { ...console, fallback: 'console' }] },
    message: 'targets[1].fallback: leads in a circle: console > console',
    beyondSchema: true
  },
  {
    what: 'fallbacks that lead in a circle',
    options: { targets: [{ ...file, whenOpen: 'fallback', fallback: 'c' }, ...[['a', 'b'], ['b', 'c'], ['c', 'a']].map(([name, fallback]) => ({ ...pretty, name, fallback, standby: true }))] },
    message: 'targets[1].fallback: leads in a circle: a > b > c > a',
    beyondSchema: true
  },
  {
    what: 'a standby target that holds',
    options: { targets: [{ ...file, whenOpen: 'fallback', fallback: 'console' }, { ...console, whenOpen: 'hold' }] },
    message: 'targets[1].whenOpen: expected "fallback" for a standby target, got "hold"',
    beyondSchema: true
  },
  { what: 'nothing but standby targets', options: { targets: [console] }, message: 'targets: at least one must not be standby', beyondSchema: true },

  // Variables
  {
    what: 'a variable that is no number',
    options: above({}),
    env: variable('BREAKER__FAILURE_THRESHOLD', 'three'),
    message: 'PINO_BREAKER_FANOUT_BREAKER__FAILURE_THRESHOLD: expected an integer >= 1, got "three"',
    beyondSchema: true
  },
  {
    what: 'a variable that is out of range',
    options: above({}),
    env: variable('CLOSE_TIMEOUT_MS', '60000'),
    message: 'PINO_BREAKER_FANOUT_CLOSE_TIMEOUT_MS: expected an integer from 1 to 9000, got 60000',
    beyondSchema: true
  },
  {
    what: 'a variable in hexadecimal',
    options: above({}),
    env: variable('QUEUE__MAX_LINES', '0x10'),
    message: 'PINO_BREAKER_FANOUT_QUEUE__MAX_LINES: expected an integer >= 1, got "0x10"',
    beyondSchema: true
  },
  {
    what: 'a variable that is no flag',
    options: above({}),
    env: variable('PARALLEL', 'yes'),
    message: 'PINO_BREAKER_FANOUT_PARALLEL: expected true or false, got "yes"',
    beyondSchema: true
  },
  {
    what: 'a variable that would turn on what it can only turn off',
    options: above({}),
    env: variable('BREAKER', 'true'),
    message: 'PINO_BREAKER_FANOUT_BREAKER: expected false, got "true"',
    beyondSchema: true
  },
  {
    what: 'a variable of one target that is none of the values',
    options: target({ name: 'my-loki' }),
    env: variable('TARGETS__MY_LOKI__WHEN_OPEN', 'SKIP'),
    message: 'PINO_BREAKER_FANOUT_TARGETS__MY_LOKI__WHEN_OPEN: expected "hold", "skip", "spool" or "fallback", got "SKIP"',
    beyondSchema: true
  },
  {
    what: 'a variable that asks for a fallback where there is none',
    options: above({}),
    env: variable('WHEN_OPEN', 'fallback'),
    message: 'PINO_BREAKER_FANOUT_WHEN_OPEN: "fallback" needs a fallback, the name of a standby target or "stderr"',
    beyondSchema: true
  },
  {
    what: 'a variable that names an unknown fallback',
    options: { targets: [file, console], whenOpen: 'fallback', fallback: 'console' },
    env: variable('TARGETS__FILE__FALLBACK', 'konsole'),
    message: 'PINO_BREAKER_FANOUT_TARGETS__FILE__FALLBACK: there is no target "konsole"; did you mean "console"?',
    beyondSchema: true
  },
  {
    what: 'a variable that sends diagnostics to an unknown target',
    options: above({}),
    env: variable('DIAGNOSTICS__TO', 'file, fil'),
    message: 'PINO_BREAKER_FANOUT_DIAGNOSTICS__TO[1]: there is no target "fil"; did you mean "file"?',
    beyondSchema: true
  },
  {
    what: 'an empty list in a variable',
    options: above({}),
    env: variable('DIAGNOSTICS__TO', ','),
    message: 'PINO_BREAKER_FANOUT_DIAGNOSTICS__TO: expected "others", "stderr" or a non-empty array of strings, got an empty array',
    beyondSchema: true
  },

  // The monitor
  { what: 'a monitor that listens nowhere', options: above({ monitor: {} }), message: 'monitor: expected either port or socket, got neither', beyondSchema: true },
  { what: 'a monitor that listens at two places', options: above({ monitor: { port: 1, socket: 'a' } }), message: 'monitor: expected either port or socket, got both', beyondSchema: true },
  { what: 'a monitor that is true', options: above({ monitor: true }), message: 'monitor: expected false or an object, got true; did you mean { port: 9464 }?' },
  { what: 'a port in place of the monitor', options: above({ monitor: 9090 }), message: 'monitor: expected false or an object, got 9090; did you mean { port: 9090 }?' },
  { what: 'a path in place of the monitor', options: above({ monitor: 'a.sock' }), message: 'monitor: expected false or an object, got "a.sock"; did you mean { socket: "a.sock" }?' },
  { what: 'a port beyond the last', options: above({ monitor: { port: 65536 } }), message: 'monitor.port: expected an integer from 0 to 65535 or an object, got 65536' },
  { what: 'a range of ports with one end', options: above({ monitor: { port: { from: 9464 } } }), message: 'monitor.port.to: expected an integer from 1 to 65535, got nothing' },
  { what: 'a range of ports that begins at 0', options: above({ monitor: { port: { from: 0, to: 1 } } }), message: 'monitor.port.from: expected an integer from 1 to 65535, got 0' },
  {
    what: 'a range of ports that ends before it begins',
    options: above({ monitor: { port: { from: 9473, to: 9464 } } }),
    message: 'monitor.port: expected a range that does not end before it begins, got from 9473 to 9464',
    beyondSchema: true
  },
  {
    what: 'a variable that is only one end of a range',
    options: above({ monitor: { port: 1 } }),
    env: variable('MONITOR__PORT__FROM', '9464'),
    message: 'monitor.port.to: expected an integer from 1 to 65535, got nothing',
    beyondSchema: true
  },
  { what: 'an empty token, which it does not show', options: above({ monitor: { port: 1, token: '' } }), message: 'monitor.token: expected a non-empty string, got a string' },
  { what: 'a token that is no text, which it does not show', options: above({ monitor: { port: 1, token: 12345 } }), message: 'monitor.token: expected a non-empty string, got a number' },
  {
    what: 'a token with the end of a line, which no header can hold',
    options: above({ monitor: { port: 1, token: 'secret\n' } }),
    message: 'monitor.token: expected only visible ASCII characters, without spaces',
    beyondSchema: true
  },
  {
    what: 'a host that other machines can reach without a token',
    options: above({ monitor: { port: 1, host: '0.0.0.0' } }),
    message: 'monitor.token: expected a token, since other machines can reach the host "0.0.0.0", got nothing',
    beyondSchema: true
  },
  {
    what: 'a host from the environment without a token',
    options: above({ monitor: { port: 1 } }),
    env: variable('MONITOR__HOST', 'log.example'),
    message: 'monitor.token: expected a token, since other machines can reach the host "log.example", got nothing',
    beyondSchema: true
  },
  {
    what: 'actions without a token',
    options: above({ monitor: { socket: 'a', actions: true } }),
    message: 'monitor.token: expected a token, since actions are on, got nothing',
    beyondSchema: true
  },
  {
    what: 'a variable with a wrong port',
    options: above({ monitor: { port: 1 } }),
    env: variable('MONITOR__PORT', 'any'),
    message: 'PINO_BREAKER_FANOUT_MONITOR__PORT: expected an integer from 0 to 65535, got "any"',
    beyondSchema: true
  },
  { what: 'an option of the monitor one level too high', options: above({ port: 1 }), message: 'port: unknown option; did you mean "monitor.port"?' },

  // Several at once
  {
    what: 'several faults at once, each on its own line',
    options: { targets: [{ ...file, whenOpne: 'skip' }, { ...pretty, breaker: { failureThreshold: 0 } }, { target: 'no-such' }], closeTimeoutMs: 10000 },
    env: variable('QUEUE__MAX_LINES', 'many'),
    message: [
      'targets[0].whenOpne: unknown option; did you mean "whenOpen"?',
      'targets[1].breaker.failureThreshold: expected an integer >= 1, got 0',
      'closeTimeoutMs: expected an integer from 1 to 9000, got 10000',
      'PINO_BREAKER_FANOUT_QUEUE__MAX_LINES: expected an integer >= 1, got "many"',
      `targets[2].target: cannot be resolved: "no-such" (${looked}); is its package installed?`
    ].join('\n  ')
  },
  {
    what: 'a wrong value without drawing conclusions from it',
    options: { targets: [{ ...file, whenOpen: 'fallback', fallback: 5 }, { ...pretty, whenOpen: 'wait', fallback: 'stderr' }], env: 'no' },
    env: variable('PARALLEL', 'yes'),
    message: [
      'targets[0].fallback: expected a non-empty string, got 5',
      'targets[1].whenOpen: expected "hold", "skip", "spool" or "fallback", got "wait"',
      'env: expected true or false, got "no"'
    ].join('\n  ')
  }
]
