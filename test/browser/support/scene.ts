import { readFileSync } from 'node:fs'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { createConsole } from '#console'
import { createSessions, createSignIn, developmentIssuerAt } from '#identity'
import { createHttpServer, freePort, readRunning } from '#runtime'
import type { Store } from '#store'
import { startBrowser } from '../../support/browser.ts'
import { type House, type HouseOptions, startHouse } from '../../support/house.ts'
import { type Faults, watchFaults } from './faults.ts'

export type Person = 'alice' | 'bob' | 'carol'

/** A whole house, its console on a socket, and a real browser in front of it. */
export interface Scene {
  house: House
  browser: Browser
  /** The console's address, without a slash at the end. */
  url: string
  /** Lets time pass for the console's sessions alone. */
  passTime(ms: number): void
  /** Nobody reaches the console while this goes on; what it knows, it knows afterwards. */
  whileCut(work: () => Promise<void>): Promise<void>
  /** A browser window with cookies of its own. */
  visit(options?: BrowserContextOptions): Promise<Page>
  /** The same, signed in through the real pages and on the inbox. */
  visitAs(person: Person, options?: BrowserContextOptions): Promise<Page>
  signIn(page: Page, person: Person): Promise<void>
  /** From the console’s sign-in page on, wherever that leads. */
  signInHere(page: Page, person: Person): Promise<void>
  /** Closes every window; returns what pages did that they never do. */
  closeWindows(): Promise<string[]>
  stop(): Promise<void>
}

/** A phone of today’s smallest size, with a finger instead of a mouse. */
export const PHONE: BrowserContextOptions = {
  viewport: { width: 360, height: 740 },
  isMobile: true,
  hasTouch: true,
  deviceScaleFactor: 2,
}

export interface SceneOptions extends HouseOptions {
  store?: Pick<Store, 'query'>
}

export async function startScene({ store, ...options }: SceneOptions = {}): Promise<Scene> {
  // Agents of these tests ask and say nothing more; a broker takes that for their end after two heartbeats.
  const house = await startHouse({ heartbeatMs: 600_000, ...options })
  const { log, home } = house
  const identityUrl = readRunning(home.dir)?.identity?.url ?? ''
  const issuers = [developmentIssuerAt(identityUrl)]
  let offsetMs = 0
  const now = (): number => house.clock.now() + offsetMs

  const publicUrl = (): string => server.url()
  const signIn = createSignIn({ issuers, redirectUri: () => `${publicUrl()}/sign-in/callback` }, { now })
  const sessions = createSessions({}, { now, signIn, log })
  const app = createConsole(
    // A busy machine is no slow store.
    { publicUrl, isDevelopment: true, patienceMs: 60_000 },
    { desk: house.desk, signIn, sessions, now: house.clock.now, log, ...(store ? { store } : {}) },
  )
  const port = await freePort(0)
  const server = createHttpServer({ name: 'console', host: '127.0.0.1', port }, { fetch: app.fetch, log })
  await server.start()
  const windows = await openWindows({
    url: server.url(),
    identityUrl,
    passphrase: readFileSync(home.path('people/passphrase'), 'utf8').trim(),
  })
  return {
    house,
    ...windows,
    passTime(ms) {
      offsetMs += ms
    },
    async whileCut(work) {
      await server.stop()
      await work()
      await server.start()
    },
    async stop() {
      await windows.stop()
      await server.stop()
      await house.stop()
    },
  }
}

/** Windows onto a console that runs already. */
export async function openWindows(place: { url: string; identityUrl: string; passphrase: string }) {
  const { url, identityUrl, passphrase } = place
  const browser = await startBrowser()
  const watched: Faults[] = []
  const kept = new Map<Person, Awaited<ReturnType<BrowserContext['storageState']>>>()

  async function visit(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...options })
    context.setDefaultTimeout(10_000)
    watched.push(watchFaults(context, [url, identityUrl]))
    return context.newPage()
  }
  async function signInHere(page: Page, person: Person): Promise<void> {
    await page.getByRole('link', { name: /development sign-in/i }).click()
    await page.getByRole('heading', { name: 'Who are you?' }).waitFor()
    // Each browser is asked once.
    const field = page.getByLabel('Passphrase')
    if (await field.isVisible()) await field.fill(passphrase)
    await page.getByRole('button', { name: new RegExp(person, 'i') }).click()
  }
  async function signIn(page: Page, person: Person): Promise<void> {
    await page.goto(`${url}/sign-in`)
    await signInHere(page, person)
    await page.waitForURL(`${url}/`)
  }
  return {
    browser,
    url,
    visit,
    signIn,
    signInHere,
    /** Through the real pages the first time; the session is kept for the next window. */
    async visitAs(person: Person, options?: BrowserContextOptions) {
      const cookies = kept.get(person)
      const page = await visit({ ...options, ...(cookies ? { storageState: cookies } : {}) })
      if (cookies) await page.goto(`${url}/`)
      if (page.url() !== `${url}/`) {
        await signIn(page, person)
        kept.set(person, await page.context().storageState())
      }
      return page
    },
    async closeWindows() {
      await Promise.all(browser.contexts().map((context) => context.close()))
      return watched.splice(0).flatMap((faults) => faults.list())
    },
    stop: () => browser.close(),
  }
}
