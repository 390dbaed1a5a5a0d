import t from 'tap'
import { runHealthy, runOutage, type CellFacts } from '../survey/cell.js'
import { outages, type OutageName } from '../survey/outages.js'
import { transports, type Demand, type SurveyedTransport } from '../survey/transports.js'
import { breaches, flaws } from '../survey/verdict.js'

// Each of these is an app and a backend in processes of their own, for some seconds.
t.setTimeout(300000)

/** So often one that comes late is tried. */
const RUNS = 3

function transport (name: string): SurveyedTransport {
  const found = transports.find(transport => transport.name === name)
  if (found === undefined) throw new Error(`there is no transport ${name} in the survey`)
  return found
}

// Of each way to the network one, and of each outage one; `npm run survey` runs all of them.
const cells: Array<[name: string, outage: OutageName]> = [
  ['pino-loki', 'absent'],
  ['pino-elasticsearch', 'reset'],
  ['@logtail/pino', 'black-hole'],
  ['@axiomhq/pino', 'refused'],
  ['pino-opentelemetry-transport', 503],
  ['pino-sentry-transport', 429],
  ['pino-socket, TCP', 'refused'],
  ['pino-mongodb', 'black-hole']
]

for (const [name, outage] of cells) {
  t.test(`${name} into a backend that ${describe(outage)}: it is seen and named, recovers, and every line arrives`, async t => {
    let found: Demand[] = []
    for (let run = 0; run < RUNS; run++) {
      const facts = await runOutage(transport(name), outage)
      if (facts === undefined) throw new Error('its backend could not be started')
      found = breaches(transport(name), outage, facts)
      t.comment(JSON.stringify(facts))
      if (!wasJustLate(found, facts)) break
    }
    t.same(found, [])
  })
}

/** Whether all that was asked for came about, though not in time: a machine that is busy may be to blame. */
function wasJustLate (found: readonly Demand[], { openedAfterMs, closedAfterMs }: CellFacts): boolean {
  return found.length > 0 && found.every(demand => (demand === 'opens' && openedAfterMs !== undefined) || (demand === 'closes' && closedAfterMs !== undefined))
}

for (const name of ['pino-loki', '@axiomhq/pino']) {
  t.test(`${name} into a backend that is well: no failure is counted, and no line arrives twice`, async t => {
    const facts = await runHealthy(transport(name), { linesPerSecond: 5000, ms: 4000 })
    if (facts === undefined) throw new Error('its backend could not be started')
    t.same(flaws(facts), [])
  })
}

function describe (outage: OutageName): string {
  const { mode, fromStart } = outages[outage]
  if (fromStart) return 'is not there'
  return typeof mode === 'number' ? `answers ${mode}` : { gone: 'goes', reset: 'resets', 'black hole': 'never answers', full: 'is full', up: 'is up' }[mode]
}
