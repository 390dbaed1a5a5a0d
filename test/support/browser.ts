import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { findCommand } from './real-servers.js'

const isCI = process.env['CI'] !== undefined && process.env['CI'] !== 'false'
const LIMIT_MS = 30_000

/** The path of Chromium, or of Chrome; `undefined` if none is installed. */
export function findBrowser (): string | undefined {
  return ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].map(findCommand).find(path => path !== undefined)
}

/** Options of a test that needs a browser. The test is skipped if there is none, but not in CI, where it fails. */
export function needsBrowser (): { skip: string | false } {
  return { skip: findBrowser() === undefined && !isCI && 'Chromium is not installed: scripts/install-browser.sh' }
}

/** Starts the browser, without a window. */
export async function launchBrowser (env: Record<string, string> = {}): Promise<Browser> {
  const executablePath = findBrowser()
  if (executablePath === undefined) throw new Error('Chromium is not installed: scripts/install-browser.sh')
  // Shared memory is small in a container.
  return await chromium.launch({ executablePath, env: { ...process.env as Record<string, string>, ...env }, args: ['--disable-dev-shm-usage', '--force-color-profile=srgb'] })
}

/** A page, and all that it did besides showing itself. */
export interface WatchedPage {
  page: Page
  context: BrowserContext
  /** Errors that no script caught, and what the console was told of violations of the policy. */
  faults: string[]
  /** Addresses of everything that was asked for. */
  requested: string[]
}

/** Opens a page of its own for a test. Text of the page that runs as a script would call `window.pwned()`, which is a fault. */
export async function openPage (t: Test, browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(LIMIT_MS)
  const watched: WatchedPage = { page, context, faults: [], requested: [] }
  await page.exposeFunction('pwned', (what: unknown) => { watched.faults.push(`a script ran: ${String(what)}`) })
  page.on('pageerror', error => watched.faults.push(String(error)))
  page.on('console', message => {
    if (/Content Security Policy|Trusted(Type|HTML|Script)/i.test(message.text())) watched.faults.push(message.text())
  })
  page.on('dialog', dialog => {
    watched.faults.push(`a dialog: ${dialog.message()}`)
    dialog.dismiss().catch(() => {})
  })
  page.on('request', request => watched.requested.push(request.url()))
  await page.goto(url)
  return watched
}
