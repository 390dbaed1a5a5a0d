// Takes pictures of the monitor's page in each of its states: light and dark, wide and narrow. They are for looking at, in
// build/screenshots; with --docs those that the docs show go to docs/images.
//
//     npm run build && npm run build:test && node scripts/screenshots.mjs [--docs] [--only <name>]
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const support = name => import(join(root, 'build', 'test', 'support', `${name}.js`))
const { launchBrowser } = await support('browser')
const { MonitorStub } = await support('monitor-stub')
const { monitorScene } = await support('monitor-scene')

const forDocs = process.argv.includes('--docs')
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : ''
const folder = join(root, ...(forDocs ? ['docs', 'images'] : ['build', 'screenshots']))
mkdirSync(folder, { recursive: true })

const NOW = Date.UTC(2026, 10, 28, 14, 3, 22)
const MINUTE_MS = 60_000
const MIB = 1024 * 1024
const REFUSED = { type: 'TypeError', message: 'fetch failed', stack: 'TypeError: fetch failed\n    at node:internal/deps/undici/undici:13510:13\n    at async HttpSink.send (file:///app/node_modules/pino-breaker-fanout/dist/esm/http.js:412:20)', code: 'ECONNREFUSED', cause: { type: 'Error', message: 'connect ECONNREFUSED 10.20.0.14:3100', code: 'ECONNREFUSED', stack: 'Error: connect ECONNREFUSED 10.20.0.14:3100\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1637:16)' } }
const TIMEOUT = { type: 'FanoutError', message: 'ERR_FANOUT_SINK_TIMEOUT: a batch was not accepted within 10000 ms', code: 'ERR_FANOUT_SINK_TIMEOUT' }

const file = { name: 'file', rate: 1480, state: { unsettledLines: 12, level: 20 } }
const loki = { name: 'loki', rate: 410 }
const datadog = { name: 'datadog', rate: 36, state: { level: 40 } }
const audit = { name: 'audit', rate: 3.4, state: { level: 'all' } }

const healthy = () => monitorScene([
  file,
  { ...loki, outages: [{ from: 6.4, to: 4.9, reason: 'network' }], state: { stateForMs: 4.9 * MINUTE_MS, stateReason: 'probe-succeeded', openMs: 90_000, lastError: REFUSED, failures: { network: 8 }, restarts: 8, restartReasons: { network: 8 }, transitions: [{ from: 'closed', to: 'open', reason: 'network', count: 1 }] } },
  datadog,
  audit
], NOW)

function outage () {
  const scene = monitorScene([
    file,
    {
      ...loki,
      outages: [{ from: 8.9, to: 8.1, reason: 'http-503' }, { from: 2.6, reason: 'network' }],
      state: { state: 'open', stateForMs: 2.6 * MINUTE_MS, stateReason: 'network', retryInMs: 12_400, openMs: 204_000, lastError: REFUSED, failures: { network: 10, 'http-503': 5 }, restarts: 14, restartReasons: { network: 14 }, consecutiveFailures: 10, spoolMaxBytes: 1024 * MIB, spoolBytes: 548 * MIB, spoolLines: 62_100, queueLines: 1_840, queueBytes: 310_000, transitions: [{ from: 'closed', to: 'open', reason: 'network', count: 2 }] }
    },
    { ...datadog, outages: [{ from: 0.6, reason: 'write-timeout' }], state: { level: 40, state: 'half-open', stateForMs: 4_200, stateReason: 'recovery-due', consecutiveFailures: 5, openMs: 36_000, lastError: TIMEOUT, failures: { 'write-timeout': 5 }, restarts: 5, restartReasons: { 'write-timeout': 5 } } },
    { name: 'elastic', rate: 240, room: 16_000, outages: [{ from: 3.8, reason: 'http-429' }], state: { state: 'open', stateForMs: 3.8 * MINUTE_MS, stateReason: 'http-429', retryInMs: 0, lastError: { type: 'Error', message: 'the backend answered 429 Too Many Requests: retry after 120 s', statusCode: 429 }, queueBytes: 15.9 * MIB, consecutiveFailures: 7, failures: { 'http-429': 7 } } },
    audit
  ], NOW)
  scene.history.transitions.push({ sink: 'datadog', from: 'open', to: 'half-open', reason: 'recovery-due', generation: 2, consecutiveFailures: 5, openForMs: 31_800, retryInMs: 0, time: NOW - 4_200 })
  scene.history.notices.push(
    { sink: 'loki', kind: 'spool-half-full', time: NOW - 31_000, facts: { bytes: 537 * MIB, maxBytes: 1024 * MIB } },
    { sink: 'elastic', kind: 'losing-lines', time: NOW - 118_000, facts: { lines: 2_412, withinMs: 10_000 } },
    { sink: 'elastic', kind: 'losing-lines', time: NOW - 58_000, facts: { lines: 2_391, withinMs: 10_000 } },
    { sink: 'datadog', kind: 'restart-loop', time: NOW - 12_000, facts: { restarts: 5, withinMs: 60_000 } })
  return scene
}

const scenes = {
  healthy: { make: healthy },
  outage: { make: outage },
  'connection-lost': { make: outage, async after (page, stub) { await stub.stop(); await page.getByText('Connection lost').waitFor() } },
  ended: { make: () => { const scene = healthy(); scene.snapshot.hasEnded = true; scene.snapshot.sinks[1].linesDropped = { closed: 214 }; return scene } },
  details: { make: outage, async after (page) { await page.getByRole('button', { name: 'loki', exact: true }).click() } },
  question: { make: outage, async after (page) { await page.getByRole('button', { name: 'loki', exact: true }).click(); await page.getByRole('button', { name: 'Probe now: loki' }).click() } },
  refused: { make: healthy, before (stub) { stub.guardsEvents = true; stub.token = 'secret' }, async after (page) { await page.getByText('Token needed').waitFor() } }
}
const looks = { light: { colorScheme: 'light' }, dark: { colorScheme: 'dark' } }
const widths = { wide: { width: 1440, height: 960 }, tablet: { width: 820, height: 1100 }, narrow: { width: 360, height: 780 } }
const docs = new Set(['outage-light-wide', 'outage-dark-narrow', 'details-dark-wide', 'connection-lost-light-wide', 'ended-light-wide'])

// The fonts of a server are no sight: pictures are taken with Inter, which scripts/install-browser.sh installs.
const fonts = join(root, 'build', 'screenshots', 'fonts.conf')
mkdirSync(dirname(fonts), { recursive: true })
const families = ['sans', 'sans-serif', 'system-ui'].map(family => `<match target="pattern"><test name="family"><string>${family}</string></test><edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>`)
writeFileSync(fonts, `<fontconfig><include>/etc/fonts/fonts.conf</include>${families.join('')}</fontconfig>`)
const browser = await launchBrowser({ FONTCONFIG_FILE: fonts })
try {
  for (const [name, scene] of Object.entries(scenes)) {
    for (const [look, scheme] of Object.entries(looks)) {
      for (const [width, viewport] of Object.entries(widths)) {
        const picture = `${name}-${look}-${width}`
        if (forDocs ? docs.has(picture) : picture.includes(only)) await take(picture, name, scene, scheme, viewport)
      }
    }
  }
} finally {
  await browser.close()
}

/** A picture of a page needs no more than 128 colours. */
function shrink (path) {
  const { status, error } = spawnSync('pngquant', ['--force', '--ext', '.png', '--strip', '128', path], { stdio: 'inherit' })
  if (status !== 0) throw new Error(`pngquant, which scripts/install-browser.sh installs, failed: ${error?.message ?? status}`)
}

async function take (picture, name, { make, before, after }, scheme, viewport) {
  const { snapshot, history } = make()
  const stub = new MonitorStub(snapshot, history)
  before?.(stub)
  await stub.start()
  const context = await browser.newContext({ viewport, ...scheme, timezoneId: 'UTC', reducedMotion: 'reduce', deviceScaleFactor: viewport === widths.narrow ? 2 : 1 })
  try {
    const page = await context.newPage()
    await page.goto(stub.url)
    if (before === undefined) await page.getByRole('table').first().waitFor()
    await after?.(page, stub)
    await page.evaluate(() => document.fonts.ready)
    await page.screenshot({ path: join(folder, `monitor-${picture}.png`), fullPage: !(name === 'question' || (forDocs && viewport === widths.narrow)) })
    if (forDocs) shrink(join(folder, `monitor-${picture}.png`))
    console.log(picture)
  } finally {
    await context.close()
    await stub.stop()
  }
}
