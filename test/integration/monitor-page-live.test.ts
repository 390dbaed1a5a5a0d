import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Browser, Locator, Page } from 'playwright-core'
import { launchBrowser, needsBrowser, openPage, type WatchedPage } from '../support/browser.js'
import { closeTransport, openFanout, until, type FanoutRig } from '../support/fanout-rig.js'
import { openBackend, type HttpBackend } from '../support/http-backend.js'

const TOKEN = 'open-sesame'
const HOSTILE = '<img src=x onerror=pwned(1)>\u001b[31m\u202e</script><script>pwned(2)</script>'

t.setTimeout(600_000)

let browser: Browser
t.before(async () => { if (needsBrowser().skip === false) browser = await launchBrowser() })
t.teardown(async () => { await browser?.close() })

/** A real transport with a file and a collector, whose monitor a browser looks at. */
async function open (t: Test): Promise<{ rig: FanoutRig, collector: HttpBackend, watched: WatchedPage }> {
  const collector = await openBackend(t)
  const rig = openFanout({
    targets: [
      { name: 'file', target: 'pino/file', options: { destination: join(t.testdir(), 'app.log') } },
      { name: 'collector', target: 'pino-breaker-fanout/http', options: { url: collector.url } }
    ],
    breaker: { failureThreshold: 2, recoveryTimeoutMs: 400 },
    monitor: { port: 0, token: TOKEN, actions: true }
  })
  const [{ address }] = await once(rig.transport, 'monitor') as [{ address: string }]
  const watched = await openPage(t, browser, `${address}/`, { httpCredentials: { username: 'anybody', password: TOKEN } })
  await watched.page.getByText('Live', { exact: true }).waitFor()
  return { rig, collector, watched }
}

function stateOf (page: Page, name: string, state: string): Locator {
  return page.getByRole('row').filter({ has: page.getByRole('button', { name, exact: true }) }).getByText(state, { exact: true })
}

t.test('the page follows a sink that is broken and mended, without a reload, and shows the end', needsBrowser(), async t => {
  const { rig, collector, watched: { page, faults, requested } } = await open(t)
  await stateOf(page, 'collector', 'Closed').waitFor()
  collector.answer = response => { response.writeHead(503).end(HOSTILE) }
  const logging = setInterval(() => rig.log.info('a line'), 50)
  t.teardown(() => clearInterval(logging))
  await stateOf(page, 'collector', 'Open').waitFor()
  await page.getByText('its backend answered 503').first().waitFor()
  t.match(await page.getByRole('heading', { level: 1 }).innerText(), /collector/)
  await stateOf(page, 'file', 'Closed').waitFor()
  collector.answer = response => { response.writeHead(204).end() }
  await page.getByRole('region', { name: /Transitions and notices/ }).getByText('a probe succeeded').first().waitFor()
  await stateOf(page, 'collector', 'Closed').waitFor()
  clearInterval(logging)
  await closeTransport(rig.transport)
  await page.getByText('Ended', { exact: true }).waitFor()
  t.same(faults, [])
  t.equal(requested.filter(url => new URL(url).pathname === '/').length, 1)
})

t.test('what an operator does on the page happens in the transport', needsBrowser(), async t => {
  const { rig, watched: { page, faults } } = await open(t)
  await page.getByRole('button', { name: 'collector', exact: true }).click()
  const act = async (label: string, verb: string, level?: string): Promise<void> => {
    await page.getByRole('button', { name: label, exact: true }).click()
    if (level !== undefined) await page.getByLabel('Level', { exact: true }).fill(level)
    await page.getByRole('dialog').getByRole('button', { name: verb }).click()
  }
  await act('Open: collector', 'Open the breaker')
  await page.getByRole('status').getByText('was opened').waitFor()
  await rig.transitionTo('collector', 'open')
  t.equal(rig.transitions[0]?.reason, 'forced')
  await page.getByRole('region', { name: /Transitions and notices/ }).getByText('by an operator').waitFor()
  await act('Reset: collector', 'Reset the breaker')
  await rig.transitionTo('collector', 'closed')
  await act('Level…: collector', 'Set the level', 'error')
  await page.getByText('error and above').waitFor()
  await act('Level of all…', 'Set the level of all', 'no such level')
  await page.getByRole('alert').getByText('no such level').waitFor()
  await page.keyboard.press('Escape')
  await act('Reopen files', 'Reopen the files')
  await page.getByRole('status').getByText('The files were reopened.').waitFor()
  await until(() => rig.snapshots.some(({ sinks }) => sinks.some(({ level }) => level === 50)), 'the level in the snapshot')
  t.same(faults, [])
  await rig.close()
})
