import t from 'tap'
import { bundlers, bundlersNeeded, installBesideBundlers, runBundled } from '../support/bundles.js'

const LIMIT_MS = 12 * 60 * 1000
t.setTimeout(bundlers.length * LIMIT_MS)

t.before(() => {
  if (bundlersNeeded.skip === false) installBesideBundlers()
})

for (const bundler of bundlers) {
  t.test(`an app that is bundled by ${bundler.name} logs to every target, far from node_modules`, { ...bundlersNeeded, timeout: LIMIT_MS }, async t => {
    t.strictSame(await runBundled(bundler), { file: 100, thread: 100, http: 100, spool: 100 })
  })
}
