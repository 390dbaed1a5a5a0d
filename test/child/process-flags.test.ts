import t from 'tap'
import { processEnv, processFlags } from '#lib/child/process-flags'
import { withHeapReserve } from '#lib/child/heap-watch'

const { resourceLimits: { maxOldGenerationSizeMb: reserved } = {} } = withHeapReserve({ resourceLimits: { maxOldGenerationSizeMb: 64 } })

t.test('limits of the heap become flags', async t => {
  t.strictSame(processFlags({ resourceLimits: { maxYoungGenerationSizeMb: 12 } }, []), ['--max-semi-space-size=4'])
  t.strictSame(processFlags({ resourceLimits: { maxYoungGenerationSizeMb: 10 } }, []), ['--max-semi-space-size=4'], 'a whole number')
  t.strictSame(processFlags({ resourceLimits: { maxOldGenerationSizeMb: 64 } }, []), [`--max-old-space-size=${reserved}`])
  t.strictSame(processFlags({}, []), [])
})

t.test('a limit that the target asks for is stronger than one of the app, and a default is weaker', async t => {
  const flags = processFlags({ resourceLimits: { maxYoungGenerationSizeMb: 12, maxOldGenerationSizeMb: 64 } }, ['--max-old-space-size=9000', '--max-semi-space-size=64'])
  t.strictSame(flags, ['--max-semi-space-size=4', '--max-old-space-size=9000', '--max-semi-space-size=64', `--max-old-space-size=${reserved}`])
})

t.test('flags of the app hold for the process, except for those about its own script and its debugger', async t => {
  const inherited = (...flags: string[]): string[] => processFlags({}, flags)
  for (const flags of [
    ['--import', 'tsx'], ['-r', 'ts-node/register'], ['--require=./hook.cjs'], ['--enable-source-maps'], ['--experimental-permission', '--allow-fs-read=*'], ['--use-openssl-ca'],
    ['--conditions', 'test'], ['--print-bytecode'], ['--experimental-eventsource']
  ]) t.strictSame(inherited(...flags), flags)
  for (const flags of [
    ['-e', 'console.log(1)'], ['--eval', 'x'], ['--eval=x'], ['-p', 'x'], ['-pe', 'x'], ['--print', 'x'], ['-i'], ['-c'], ['--check'], ['--interactive'],
    ['--inspect'], ['--inspect=9229'], ['--inspect-brk=0.0.0.0:1'], ['--inspect-port', '1'], ['--test-name-pattern', 'foo'], ['--test-reporter', 'spec'], ['--test-only'], ['--test', '--test-only'], ['--watch'], ['--watch-path', 'src'], ['--watch-path=src'], ['--watch-preserve-output'],
    ['--test'], ['--test-reporter=spec'], ['--env-file=.env'], ['--env-file', '.env'], ['--input-type=module'], ['--input-type', 'module']
  ]) t.strictSame(inherited(...flags, '--enable-source-maps'), ['--enable-source-maps'], flags.join(' '))
})

t.test('flags of the target take the place of those of the app, and stay as they are', async t => {
  t.strictSame(processFlags({ execArgv: ['--inspect=0'] }, ['--import', 'tsx']), ['--inspect=0'])
})

t.test('the environment is that of the app, or the one that the target has', async t => {
  const mark = { PINO_FANOUT_SINK_PROCESS: String(process.pid) }
  t.strictSame({ ...processEnv({}) }, { ...process.env, ...mark })
  t.strictSame(processEnv({ env: { A: 'b' } }), { A: 'b', ...mark })
})
