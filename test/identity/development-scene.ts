import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import {
  createDevelopmentIssuer,
  createSignIn,
  type DevelopmentIssuer,
  type SignIn,
  signInAs,
} from '#identity'
import { createFakeLog } from '../support/log.ts'
import { type Browser, createBrowser } from './browser.ts'

export const REDIRECT_URI = 'http://localhost:7070/sign-in/callback'

/** For each test of a file: its own folder, issuer, console and browser. */
export let dir: string
export let issuer: DevelopmentIssuer
export let signIn: SignIn
export let browser: Browser
export let clock: { now: () => number; aheadMs: number }

export function useDevelopmentIssuer(): void {
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'holdpoint-people-'))
    const made = { aheadMs: 0, now: () => Date.now() + made.aheadMs }
    clock = made
    await start()
  })
  afterEach(async () => {
    await issuer.stop()
    rmSync(dir, { recursive: true, force: true })
  })
}

/** Another one in the same folder, after the first has been stopped. */
export async function start(): Promise<void> {
  issuer = createDevelopmentIssuer({ dir, port: 0 }, { now: clock.now, log: createFakeLog() })
  await issuer.start()
  signIn = createSignIn({ issuers: [issuer.trusted()], redirectUri: () => REDIRECT_URI }, { now: Date.now })
  browser = createBrowser(issuer.url())
}

export const passphrase = (): string => readFileSync(issuer.passphraseFile, 'utf8').trim()
export const signInBy = (person: string, given = passphrase()) =>
  signInAs(issuer.trusted().discoveryUrl ?? '', { person, passphrase: given })

/** As somebody who has pressed "Sign in" on the console: the page with the people. */
export async function openPage() {
  const { url, sealed } = await signIn.begin({ returnTo: '/' })
  return { sealed, page: await browser.get(url) }
}
