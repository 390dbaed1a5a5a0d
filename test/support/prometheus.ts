import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { freePort, realServer } from './real-servers.js'

const LIMIT_MS = 60000
const POLL_MS = 200

/** A series of a query, with its values over time. */
export interface Series {
  metric: Record<string, string>
  values: number[]
}

/** An alert that is pending or firing. */
export interface Alert {
  labels: Record<string, string>
  annotations: Record<string, string>
  state: 'pending' | 'firing'
}

/** A real Prometheus. */
export interface Prometheus {
  /** The values of a query over all time since the start, one for each second. */
  range (query: string): Promise<Series[]>
  /** The latest value of each series of a query. */
  latest (query: string): Promise<Array<{ metric: Record<string, string>, value: number }>>
  /** All values that a label of a metric has had. */
  labelValues (metric: string, label: string): Promise<string[]>
  alerts (): Promise<Alert[]>
}

/**
 * Starts a Prometheus that scrapes and evaluates each second, until the end of the test.
 *
 * @param folder - A new folder, for its configuration and its data
 */
export async function startPrometheus (t: Test, folder: string, { scrapeConfigs, rules }: { scrapeConfigs: string, rules: string }): Promise<Prometheus> {
  const port = await freePort()
  const config = join(folder, 'prometheus.yml')
  writeFileSync(join(folder, 'rules.yml'), rules)
  writeFileSync(config, `global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [rules.yml]\nscrape_configs:\n${scrapeConfigs}`)
  const url = `http://127.0.0.1:${port}`
  const startedAt = Date.now() / 1000
  await realServer(t, 'prometheus', [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn'], `${url}/-/ready`).start()

  async function ask<Data> (path: string, parameters: Record<string, string> = {}): Promise<Data> {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`)
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} ${JSON.stringify(parameters)}: ${text}`)
    return (JSON.parse(text) as { data: Data }).data
  }
  await eventually('Prometheus to be ready', async () => (await fetch(`${url}/-/ready`)).ok || undefined)

  return {
    async range (query) {
      const { result } = await ask<{ result: Array<{ metric: Record<string, string>, values: Array<[number, string]> }> }>('query_range', { query, start: String(startedAt), end: String(Date.now() / 1000), step: '1' })
      return result.map(({ metric, values }) => ({ metric, values: values.map(([, value]) => Number(value)) }))
    },
    async latest (query) {
      const { result } = await ask<{ result: Array<{ metric: Record<string, string>, value: [number, string] }> }>('query', { query })
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
    },
    labelValues: async (metric, label) => await ask<string[]>(`label/${label}/values`, { 'match[]': metric }),
    alerts: async () => (await ask<{ alerts: Alert[] }>('alerts')).alerts
  }
}

/** Asks again until there is an answer. If there never is one, the error says what was missing. */
export async function eventually<Answer> (what: string, ask: () => Promise<Answer | undefined>): Promise<Answer> {
  const deadline = Date.now() + LIMIT_MS
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await sleep(POLL_MS)
  }
}
