import { createConsole } from '#console'
import { createSessions, createSignIn, DEVELOPMENT_ISSUER, developmentIssuerAt } from '#identity'
import { readRunning } from '#runtime'
import type { Store } from '#store'
import { holdAction } from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'
import { type Browser, CHROMIUM, createBrowser, ORIGIN } from './cookie-jar.ts'

export interface Scene {
  house: House
  agent: TestAgent
  app: ReturnType<typeof createConsole>
  sessions: ReturnType<typeof createSessions>
  /** Somebody's browser, signed in: what the broker is shown is that person's real token. */
  browser(person: 'alice' | 'bob' | 'carol', userAgent?: string): Browser
  /** A request that waits; returns its id. */
  hold(action?: Parameters<typeof attemptOf>[0], rest?: Parameters<typeof attemptOf>[1]): Promise<string>
  /** How many entries the ledger has. */
  ledgerSize(): Promise<number>
  stop(): Promise<void>
}

export interface SceneOptions {
  house?: House
  publicUrl?: () => string
  store?: Pick<Store, 'query'>
  patienceMs?: number
  heartbeatMs?: number
  mostStreamsPerSession?: number
  mostStreams?: number
}

/** The console on a real broker, with real tokens. */
export async function startScene(options: SceneOptions = {}): Promise<Scene> {
  const { publicUrl = () => ORIGIN, store, house: given, ...config } = options
  const house = given ?? (await startHouse())
  const agent = await house.agent('support-agent')
  const { log } = house
  const { now } = house.clock
  const issuers = [developmentIssuerAt(readRunning(house.home.dir)?.identity?.url ?? '')]
  const signIn = createSignIn({ issuers, redirectUri: () => `${publicUrl()}/sign-in/callback` }, { now })
  const sessions = createSessions({}, { now, signIn, log })
  const app = createConsole(
    { publicUrl, isDevelopment: true, ...config },
    { desk: house.desk, signIn, sessions, now, log, ...(store ? { store } : {}) },
  )
  return {
    house,
    agent,
    app,
    sessions,
    browser(sub, userAgent = CHROMIUM) {
      const person = { iss: DEVELOPMENT_ISSUER, sub, name: sub, groups: [], assurance: 'login' as const }
      const tokens = { idToken: house.token(sub) }
      const holdpoint = sessions.open({ person: { ...person, service: false }, tokens }, userAgent)
      return createBrowser(app, { userAgent, cookies: { holdpoint } })
    },
    hold: async (action, rest) => (await holdAction(agent, attemptOf(action, rest))).requestId,
    ledgerSize: async () => (await house.desk.ledger(house.token('bob'))).size,
    stop: () => house.stop(),
  }
}
