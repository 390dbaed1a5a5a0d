import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import pino from 'pino'
import t from 'tap'
import { wrongOptions, type WrongOptions } from '../wrong-options.js'

const LIMIT_MS = 20000

// One of each kind, since each takes a worker thread of its own.
const sample = [
  'options without targets',
  'a misspelt option of a target',
  'a threshold of 0',
  'a URL with a password, which it does not show',
  'a name that two targets bear',
  'a package that is not there',
  'a fallback that is not there',
  'fallbacks that lead in a circle',
  'a variable that is no number',
  'several faults at once, each on its own line'
].map((what): WrongOptions => {
  const found = wrongOptions.find(wrong => wrong.what === what)
  if (found === undefined) throw new Error(`there are no wrong options called "${what}"`)
  return found
})

/** Starts the transport as pino does, in its worker, which inherits the variables of this process. */
function start ({ options, env = {} }: WrongOptions) {
  Object.assign(process.env, env)
  try {
    return pino.transport({ target: 'pino-breaker-fanout', options: options as Record<string, unknown> })
  } finally {
    for (const name of Object.keys(env)) Reflect.deleteProperty(process.env, name)
  }
}

for (const wrong of sample) {
  t.test(`the transport fails at once with ${wrong.what}`, async (t) => {
    const transport = start(wrong)
    const closed = once(transport, 'close', { signal: AbortSignal.timeout(LIMIT_MS) }).catch((error: unknown) => error)
    const [error] = await once(transport, 'error', { signal: AbortSignal.timeout(LIMIT_MS) }).catch((thrown: unknown) => [thrown])
    t.equal(error instanceof Error && error.message, `ERR_FANOUT_OPTIONS: ${wrong.message}`)
    await closed
  })
}

function runApp (...args: string[]) {
  return spawnSync(process.execPath, ['test/fixtures/app-bad-options.cjs', ...args], { encoding: 'utf8', timeout: LIMIT_MS })
}

t.test('an app that listens goes on without its log, and ends by itself', async (t) => {
  const { status, signal, stdout } = runApp('listens')
  t.strictSame({ status, signal }, { status: 0, signal: null })
  t.match(stdout, /^ERR_FANOUT_OPTIONS: targets\[0\]\.target: cannot be resolved: "no-such"/)
})

t.test('an app that does not listen is told by the exception that ends it', async (t) => {
  const { status, signal, stderr } = runApp()
  t.strictSame({ status, signal }, { status: 1, signal: null })
  t.match(stderr, 'ERR_FANOUT_OPTIONS: targets[0].target: cannot be resolved: "no-such"')
})
