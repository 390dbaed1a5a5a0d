import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import t, { type Test } from 'tap'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { launchBrowser, needsBrowser, openPage, type WatchedPage } from '../support/browser.js'
import { until } from '../support/fanout-rig.js'
import { calmSink, monitorScene, type SinkScene } from '../support/monitor-scene.js'
import { MonitorStub } from '../support/monitor-stub.js'

const MINUTE_MS = 60_000
// A page is opened in a second or two, if nothing else runs.
t.setTimeout(600_000)
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let browser: Browser
t.before(async () => { if (needsBrowser().skip === false) browser = await launchBrowser() })
t.teardown(async () => { await browser?.close() })

const file: SinkScene = { name: 'file', rate: 500 }
const loki: SinkScene = {
  name: 'loki',
  rate: 60,
  outages: [{ from: 3, reason: 'network' }],
  state: { state: 'open', stateForMs: 3 * MINUTE_MS, stateReason: 'network', retryInMs: 8000, consecutiveFailures: 5, lastError: { type: 'Error', message: 'connect ECONNREFUSED 10.0.0.1:3100', code: 'ECONNREFUSED', stack: 'Error: connect\n    at afterConnect (node:net:1)' }, spoolMaxBytes: 1000, spoolBytes: 600 }
}

/** A page that shows a scene, served by a stub. */
async function show (t: Test, sinks: SinkScene[] = [file, loki], { options = {} as BrowserContextOptions, prepare = (_stub: MonitorStub): void => {} } = {}): Promise<WatchedPage & { stub: MonitorStub }> {
  const { snapshot, history } = monitorScene(sinks, Date.now())
  const stub = new MonitorStub(snapshot, history)
  prepare(stub)
  await stub.start()
  t.teardown(() => stub.stop())
  return { stub, ...await openPage(t, browser, stub.url, options) }
}

/** The row of a sink, by its name. */
function rowOf (page: Page, name: string): Locator {
  return page.getByRole('row').filter({ has: page.getByRole('rowheader').filter({ has: page.getByRole('button', { name, exact: true }) }) })
}

async function serious (page: Page): Promise<string[]> {
  await page.evaluate(axeSource)
  const { violations } = await page.evaluate('axe.run()') as { violations: Array<{ id: string, impact: string, nodes: Array<{ target: string[], failureSummary: string }> }> }
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(' ')} (${failureSummary})`).join('; ')}`)
}

t.test('the page shows each sink with its state, numbers and last error, and what happened to it', needsBrowser(), async t => {
  const { page, faults } = await show(t)
  const row = rowOf(page, 'loki')
  await row.waitFor()
  const text = await row.innerText()
  for (const part of ['info and above', 'Open', '3 min 00 s', 'a connection failed', 'outage since ', 'probe in 8 s', 'spool 60%', 'connect ECONNREFUSED 10.0.0.1:3100']) t.match(text, part)
  t.match(await row.getByRole('img').first().getAttribute('aria-label'), /Lines delivered a second, last ten minutes: now 0 lines\/s, at most \d+/)
  t.match(await rowOf(page, 'file').innerText(), /Closed[^]*\d+\s+lines\/s[^]*none/)
  t.equal(await page.getByRole('heading', { level: 1 }).innerText().then(plain), 'loki is open')
  t.equal(await page.title().then(plain), 'loki is open · web-1.eu-central · pino-breaker-fanout')
  t.match(await page.getByRole('banner').innerText(), /Live[^]*host\s+web-1.eu-central[^]*pid\s+4711[^]*up\s+3 h 14 min[^]*0\.1\.0/)
  const happened = page.getByRole('region', { name: /Transitions and notices/ }).getByRole('row').nth(1)
  t.match(await happened.innerText(), /loki\s+closed → open\s+a connection failed, 5 failures in a row/)
  t.match(await page.getByRole('img', { name: /^loki: open since \d\d:\d\d:\d\d$/ }).count(), 1)
  t.equal(await page.locator('.chart .line[d^=M]').count(), 3, 'a chart is drawn for all but the empty backlog of the file')
  t.same(faults, [])
})

t.test('states, numbers and notices change without a reload', needsBrowser(), async t => {
  const { page, stub, requested } = await show(t)
  const row = rowOf(page, 'loki')
  await row.getByText('Open', { exact: true }).waitFor()
  const [, sink] = stub.snapshot.sinks
  const time = stub.snapshot.time + 1000
  stub.update('transition', { sink: 'loki', from: 'open', to: 'half-open', reason: 'recovery-due', generation: 2, consecutiveFailures: 5, openForMs: 180_000, retryInMs: 0, time })
  stub.snapshot = { ...stub.snapshot, time, sinks: [stub.snapshot.sinks[0]!, { ...sink!, state: 'half-open', stateForMs: 0, stateReason: 'recovery-due', retryInMs: 0 }] }
  stub.update()
  await row.getByText('Half-open', { exact: true }).waitFor()
  stub.update('transition', { sink: 'loki', from: 'half-open', to: 'closed', reason: 'probe-succeeded', generation: 3, consecutiveFailures: 0, openForMs: 180_400, retryInMs: 0, time: time + 400 })
  stub.update('notice', { sink: 'loki', kind: 'losing-lines', time: time + 500, facts: { lines: 12, withinMs: 10_000 } })
  stub.snapshot = { ...stub.snapshot, time: time + 1000, sinks: [stub.snapshot.sinks[0]!, { ...sink!, state: 'closed', stateForMs: 600, stateReason: 'probe-succeeded', retryInMs: 0, linesDropped: { 'queue-full': 10, poison: 2 } }] }
  stub.update()
  await row.getByText('Closed', { exact: true }).waitFor()
  await row.getByText('queue full 10').waitFor()
  await row.getByText('losing lines').waitFor()
  const happened = await page.getByRole('region', { name: /Transitions and notices/ }).getByRole('row').allInnerTexts()
  t.match(happened[1], /notice\s+12 lines lost within 10 s/)
  t.match(happened[2], /half-open → closed\s+a probe succeeded, after 3 min 00 s/)
  await page.locator('#announcements').getByText('loki is closed: a probe succeeded').waitFor()
  t.equal(requested.filter(url => url === stub.url).length, 1)
})

t.test('hostile text stays text, runs nothing, loads nothing, and leaves the layout as it is', needsBrowser(), async t => {
  const hostile = '<img src=x onerror="pwned(1)"><script>pwned(2)</script></script><svg onload=pwned(3)>{{7*7}}"\'>'
  const ansi = '\u001b[31mred\u001b[0m\u0007'
  const rtl = 'safe\u202egpj.exe\u2066\u200b'
  const names = [hostile, '__proto__', 'constructor', 'a/b?c#d%2e', `${'n'.repeat(1_000_000)}`, `${rtl}${ansi}`, 'שלום']
  for (const width of [1440, 360]) {
    const { page, stub, faults, requested } = await show(t, names.map((name, i) => ({
      name,
      rate: 5,
      state: { fallback: hostile, linesDropped: { [hostile]: 3 } as object, failures: { [hostile]: 2 } as object, stateReason: hostile as 'reset', state: 'open', lastError: { type: hostile, message: `${hostile}${ansi}${rtl}\n${'m'.repeat(i === 0 ? 1_000_000 : 10)}`, code: hostile, stack: hostile, cause: { type: hostile, message: hostile } } }
    })), {
      options: { viewport: { width, height: 900 } },
      prepare: ({ snapshot, history }) => {
        Object.assign(snapshot, { hostname: hostile, version: hostile })
        history.transitions.push({ sink: hostile, from: hostile, to: hostile, reason: hostile, time: snapshot.time, consecutiveFailures: 9, openForMs: 0, err: { type: 'Error', message: hostile } })
        history.notices.push({ sink: hostile, kind: hostile, time: snapshot.time, facts: { [hostile]: 1 } })
      }
    })
    await page.getByRole('button', { name: hostile, exact: true }).click()
    await page.getByRole('button', { name: `Open: ${hostile}`.slice(0, 60) }).first().click()
    await page.getByRole('dialog').waitFor()
    stub.refusal = { status: 400, message: hostile }
    await page.getByRole('dialog').getByRole('button', { name: 'Open the breaker' }).click()
    await page.getByRole('alert').getByText('onerror').waitFor()
    await page.keyboard.press('Escape')
    t.equal(await page.locator('img, svg[onload], script:not(:last-of-type)').count(), 0, 'no element was made of it')
    t.same(faults, [], 'nothing ran')
    t.same(requested.filter(url => !url.startsWith(stub.url) && !url.startsWith('data:')), [], 'nothing was loaded from elsewhere')
    const visible = await page.locator('body').innerText()
    t.match(visible, 'safe‹202E›gpj.exe‹2066›‹200B›␛[31mred␛[0m␇')
    t.same(['\u202e', '\u001b', '\u200b'].filter(hidden => visible.includes(hidden)), [])
    t.ok(visible.length < 200_000, 'long texts are cut')
    t.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, `nothing sticks out at ${width} px`)
  }
})

t.test('a script that gets into the page is not run', needsBrowser(), async t => {
  const { page, faults } = await show(t)
  await t.rejects(page.evaluate("document.createElement('img').setAttribute('onerror', 'pwned(1)')"), /TrustedScript/)
  await t.rejects(page.evaluate("document.createElement('script').textContent = 'pwned(2)'"), /TrustedScript/)
  await page.evaluate("(() => { const s = document.createElement('script'); s.append('pwned(3)'); document.body.append(s) })()")
  await until(() => faults.some(fault => /script-src|TrustedScript/i.test(fault)), 'the policy to refuse a script that was put in')
  t.same(faults.filter(fault => fault.startsWith('a script ran')), [])
  await t.rejects(page.evaluate("fetch('http://127.0.0.1:1/')"))
  await until(() => faults.some(fault => /connect-src/i.test(fault)), 'the policy to refuse a request to elsewhere')
  await t.rejects(page.evaluate("document.body.innerHTML = '<b>x</b>'"), /TrustedHTML/)
})

for (const [look, options] of Object.entries({
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  'phone width': { viewport: { width: 360, height: 780 } }
}) as Array<[string, BrowserContextOptions]>) {
  t.test(`axe finds nothing serious: ${look}`, needsBrowser(), async t => {
    const audit: SinkScene = { name: 'audit', rate: 1, outages: [{ from: 0.1, reason: 'http-503' }], state: { state: 'half-open', stateForMs: 5000, linesDropped: { 'queue-full': 3 } } }
    // Colours that are still changing would be measured as they are.
    const { page, stub } = await show(t, [file, loki, audit], { options: { ...options, reducedMotion: 'reduce' } })
    // Axe needs what the page denies: its own policy is tested elsewhere.
    await page.route(stub.url, async route => {
      const response = await route.fetch()
      const { 'content-security-policy': _, ...headers } = response.headers()
      await route.fulfill({ response, headers })
    })
    await page.reload()
    await page.getByRole('button', { name: 'loki', exact: true }).click()
    t.same(await serious(page), [], 'details shown')
    await page.getByRole('button', { name: 'Level…: loki' }).click()
    t.same(await serious(page), [], 'a question asked')
    await page.keyboard.press('Escape')
    await stub.stop()
    await page.getByText('Connection lost').waitFor()
    t.same(await serious(page), [], 'the connection lost')
    t.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true)
  })
}

t.test('an action is done by keyboard alone: asked, cancelled, confirmed, announced, and the focus returns', needsBrowser(), async t => {
  const { page, stub, faults } = await show(t)
  await rowOf(page, 'loki').waitFor()
  const focused = async (): Promise<string> => await page.evaluate("(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent)")
  const tabTo = async (name: string): Promise<void> => {
    for (let i = 0; i < 60 && await focused() !== name; i++) await page.keyboard.press('Tab')
    t.equal(await focused(), name)
  }
  await tabTo('loki')
  await page.keyboard.press('Enter')
  await tabTo('Probe now: loki')
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'Probe now: loki' })
  await dialog.waitFor()
  t.match(await dialog.innerText(), /A few lines will be sent to “.?loki.?” now/)
  t.equal(await focused(), 'Cancel', 'the harmless button has the focus')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'hidden' })
  t.equal(await focused(), 'Probe now: loki')
  t.same(stub.requests, [], 'nothing was sent')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  t.equal(await focused(), 'Probe now')
  await page.keyboard.press('Enter')
  await page.getByRole('status').getByText('is being probed').waitFor()
  await dialog.waitFor({ state: 'hidden' })
  t.equal(await focused(), 'Probe now: loki')
  t.same(stub.requests, [{ path: '/sinks/loki/replay', body: '', authorization: undefined }])
  t.same(faults, [])
})

t.test('every action is sent to its path, with the name of the sink encoded', needsBrowser(), async t => {
  const name = 'a/b c?#ü%'
  const { page, stub } = await show(t, [{ name, rate: 1 }])
  await page.getByRole('button', { name, exact: true }).click()
  const act = async (label: string, confirm: string, level?: string): Promise<void> => {
    const sent = stub.requests.length
    await page.getByRole('button', { name: label, exact: true }).click()
    if (level !== undefined) await page.getByLabel('Level', { exact: true }).fill(level)
    await page.getByRole('dialog').getByRole('button', { name: confirm }).click()
    await until(() => stub.requests.length > sent, `a request for ${label}`)
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
  }
  for (const [label, confirm] of [['Open', 'Open the breaker'], ['Close', 'Close the breaker'], ['Reset', 'Reset the breaker'], ['Probe now', 'Probe now'], ['Reopen', 'Reopen the sink']] as const) await act(`${label}: ${name}`, confirm)
  await act(`Level…: ${name}`, 'Set the level', 'debug')
  await act('Reopen files', 'Reopen the files')
  await act('Level of all…', 'Set the level of all', '35')
  const encoded = encodeURIComponent(name)
  t.same(stub.requests.map(({ path, body }) => `${path} ${body}`.trim()), [
    ...['open', 'close', 'reset', 'replay', 'reopen'].map(action => `/sinks/${encoded}/${action}`),
    `/sinks/${encoded}/level {"level":"debug"}`,
    '/reopen',
    '/level {"level":35}'
  ])
})

t.test('a refused action says why, and one without a token asks for it', needsBrowser(), async t => {
  const { page, stub } = await show(t)
  stub.token = 'sesame öffne dich'
  await page.getByRole('button', { name: 'Level of all…' }).click()
  const dialog = page.getByRole('dialog')
  await page.getByLabel('Level', { exact: true }).fill('loud')
  await page.keyboard.press('Enter')
  await dialog.getByText('The monitor asks for its token.').waitFor()
  await page.getByLabel('Token').fill('wrong')
  await page.keyboard.press('Enter')
  await dialog.getByText('The monitor does not accept this token.').waitFor()
  stub.refusal = { status: 400, message: "expected a number, 'all' or one of trace, got 'loud'" }
  await page.getByLabel('Token').fill(stub.token)
  await page.keyboard.press('Enter')
  await dialog.getByText("expected a number, 'all' or one of trace, got 'loud'").waitFor()
  stub.refusal = undefined
  await dialog.getByRole('button', { name: 'Set the level of all' }).click()
  await dialog.waitFor({ state: 'hidden' })
  t.equal(await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie'), '{}', 'the token is in memory only')
})

t.test('without actions there is no button for one', needsBrowser(), async t => {
  const { page } = await show(t, [file, loki], { prepare: ({ snapshot }) => { snapshot.actions = false } })
  await page.getByRole('button', { name: 'loki', exact: true }).click()
  await page.getByRole('heading', { name: 'Last error' }).filter({ visible: true }).waitFor()
  t.equal(await page.getByRole('button', { name: /Reopen|Probe|Level/ }).count(), 0)
})

t.test('a lost connection is told, the counts look old, and the page goes on by itself when the server is back', needsBrowser(), async t => {
  const { page, stub, requested } = await show(t)
  await page.getByText('Live', { exact: true }).waitFor()
  const filterOf = async (): Promise<unknown> => await page.evaluate("getComputedStyle(document.querySelector('main')).filter")
  t.equal(await filterOf(), 'none')
  await stub.stop()
  await page.getByText(/The connection was lost at \d\d:\d\d:\d\d; trying again (now|in \d+ s)\. What you see is \d+ s old\./).waitFor()
  t.equal(await filterOf(), 'grayscale(1)')
  t.match(await page.title(), /^Connection lost/)
  stub.snapshot = { ...stub.snapshot, time: Date.now(), sinks: [calmSink('file'), calmSink('loki'), calmSink('new')], pid: 4712, upMs: 1000 }
  stub.history = { stepMs: 2000, times: [], sinks: {}, transitions: [], notices: [] }
  await stub.start()
  await page.getByText('Live', { exact: true }).waitFor()
  await rowOf(page, 'new').waitFor()
  t.equal(await filterOf(), 'none')
  t.match(await rowOf(page, 'loki').innerText(), 'Closed')
  t.equal(await page.getByText('No transition and no notice.').isVisible(), true)
  t.equal(requested.filter(url => url === stub.url).length, 1)
})

t.test('a monitor that asks for a token makes the page say what to do', needsBrowser(), async t => {
  const { page, stub } = await show(t, [file], { prepare: stub => Object.assign(stub, { guardsEvents: true, token: 'secret' }) })
  await page.getByText('Load the page again, and give the token as the password').waitFor()
  stub.guardsEvents = false
  await page.getByRole('button', { name: 'Try now' }).click()
  await page.getByText('Live', { exact: true }).waitFor()
})

t.test('an ended transport is shown as ended, with its last counts', needsBrowser(), async t => {
  const { page, stub } = await show(t)
  await page.getByText('Live', { exact: true }).waitFor()
  stub.snapshot = { ...stub.snapshot, time: stub.snapshot.time + 1000, hasEnded: true, sinks: stub.snapshot.sinks.map(sink => ({ ...sink, linesDropped: { closed: 7 } })) }
  stub.update('end')
  await page.getByText('Ended', { exact: true }).waitFor()
  await stub.stop()
  await page.getByText(/^The transport ended at \d\d:\d\d:\d\d\. These are its last counts/).waitFor()
  t.match(await rowOf(page, 'loki').innerText(), /7\s+left at the end/)
  t.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'The transport has ended')
  t.equal(await page.getByRole('button', { name: 'Reopen files' }).count(), 0)
  t.equal(await page.getByText('Connection lost').count(), 0)
})

t.test('the charts and the time line show the moment that the reader points at', needsBrowser(), async t => {
  const { page } = await show(t)
  const chart = rowOf(page, 'loki').getByRole('img').first()
  await chart.hover({ position: { x: 30, y: 15 } })
  await page.locator('.cursor').getByText(/^\d\d:\d\d:\d\d$/).waitFor()
  t.match(await rowOf(page, 'loki').locator('.value').first().innerText(), /^[1-9]/, 'before the outage lines were delivered')
  await page.mouse.move(0, 0)
  await page.locator('.cursor').waitFor({ state: 'hidden' })
  t.equal(await rowOf(page, 'loki').locator('.value').first().innerText(), '0')
})

/** Names in sentences are isolated, by characters that nobody sees. */
function plain (text: string): string {
  return text.replace(/[\u2066-\u2069]/g, '')
}
