import t from 'tap'
import { runCase, runtimeCases, runtimes, shortfalls } from '../support/runtimes.js'

const LIMIT_MS = 5 * 60 * 1000
t.setTimeout(60 * LIMIT_MS)
const [usual] = runtimeCases

for (const runtime of runtimes()) {
  t.test(`${runtime.name} runs the matrix`, { ...runtime.needed, timeout: runtimeCases.length * LIMIT_MS }, async t => {
    for (const runtimeCase of runtimeCases) {
      const warning = shortfalls[runtime.name]?.[runtimeCase.name]
      if (warning === undefined) {
        t.strictSame(await runCase(runtime, runtimeCase), [], runtimeCase.title)
      } else {
        // Nothing is left of a crash that is not handled, so the start of another app has to tell.
        const told = runtimeCase.crashes === true ? usual : runtimeCase
        t.strictSame(await runCase(runtime, { ...told as typeof runtimeCase, tells: warning }), [], `the transport says that it cannot do this: ${runtimeCase.title}`)
      }
    }
  })
}
