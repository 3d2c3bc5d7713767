import { afterEach, beforeEach } from 'vitest'
import { createSignIn, type SignIn } from '#identity'
import { codeOf } from '../support/held.ts'
import { type Lies, type LyingProvider, startLyingProvider } from './lying-provider.ts'

export const NOW_S = 1_800_000_000
export const REDIRECT_URI = 'http://127.0.0.1:7070/sign-in/callback'

/** For each test of a file: a provider of its own, and a console that believes it. */
export let provider: LyingProvider
export let signIn: SignIn
let nowMs: number
export const now = (): number => nowMs
export const advance = (ms: number): void => {
  nowMs += ms
}

export function useLyingProvider(): void {
  beforeEach(async () => {
    nowMs = NOW_S * 1000
    provider = await startLyingProvider(now)
    signIn = createFor(provider)
  })
  afterEach(() => provider.stop())
}

export const createFor = (...providers: LyingProvider[]): SignIn =>
  createSignIn({ issuers: providers.map(({ issuer }) => issuer), redirectUri: () => REDIRECT_URI }, { now })

export interface Begun {
  url: URL
  sealed: string
  callback: URL
}

/** Up to the moment at which the browser comes back with a code. */
export async function begin(returnTo = '/', at = provider, by = signIn): Promise<Begun> {
  const begun = await by.begin({ issuer: at.issuer.issuer, returnTo })
  const url = new URL(begun.url)
  const callback = new URL(REDIRECT_URI)
  callback.searchParams.set('code', 'c1')
  callback.searchParams.set('state', url.searchParams.get('state') ?? '')
  callback.searchParams.set('iss', at.issuer.issuer)
  at.asked = {
    nonce: url.searchParams.get('nonce') ?? '',
    challenge: url.searchParams.get('code_challenge') ?? '',
  }
  return { url, sealed: begun.sealed, callback }
}

/** The code with which the second half is refused. */
export const finishing = ({ callback, sealed }: Begun, by = signIn): Promise<string> =>
  codeOf(by.finish(callback, sealed))

export const claims = (change: Record<string, unknown>): Lies => ({
  claims: (honest) => ({ ...honest, ...change }),
})
export const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
export const respond = (status: number, body: string, headers: Record<string, string> = {}): Response =>
  new Response(body, { status, headers: { 'content-type': 'application/json', ...headers } })
