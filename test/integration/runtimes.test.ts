import t from 'tap'
import { runCase, runtimeCases, runtimes, shortfalls } from '../support/runtimes.js'

const LIMIT_MS = 5 * 60 * 1000
t.setTimeout(60 * LIMIT_MS)
/** An app whose start tells of everything that a runtime cannot do: its sink in a thread is one whose requests are watched. */
const telling = runtimeCases.find(({ name }) => name === 'thread') as typeof runtimeCases[number]

for (const runtime of runtimes()) {
  t.test(`${runtime.name} runs the matrix`, { ...runtime.needed, timeout: runtimeCases.length * LIMIT_MS }, async t => {
    for (const runtimeCase of runtimeCases) {
      const warning = shortfalls[runtime.name]?.[runtimeCase.name]
      if (warning === undefined) {
        t.strictSame(await runCase(runtime, runtimeCase), [], runtimeCase.title)
      } else {
        t.strictSame(await runCase(runtime, { ...runtimeCase.name === 'process' ? { ...runtimeCase, lines: { 'one.log': 100 } } : telling, tells: warning }), [], `the transport says that it cannot do this: ${runtimeCase.title}`)
      }
    }
  })
}
