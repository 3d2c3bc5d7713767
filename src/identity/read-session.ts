import { decodeJwt } from 'jose'
import { HoldpointError } from '#contract'
import { type Config, type Io, readConfig, readRunning } from '#runtime'
import { developmentIssuerAt } from './development/people.ts'
import { expiryMs, RENEW_AHEAD_MS } from './expiry.ts'
import { signInIssuers } from './issuers.ts'
import { loadSession, saveSession } from './session-file.ts'
import { createSignIn } from './sign-in.ts'
import type { SignInIssuer, Tokens } from './types.ts'

/**
 * The token of whoever is signed in at this terminal: `HOLDPOINT_TOKEN`, or what `holdpoint login` saved, renewed
 * where it is about to expire. Throws UNAUTHENTICATED, saying how to sign in.
 */
export async function readSession(io: Pick<Io, 'env' | 'cwd' | 'now'>, dataDir: string): Promise<string> {
  if (io.env.HOLDPOINT_TOKEN) return io.env.HOLDPOINT_TOKEN.trim()
  const saved = loadSession(dataDir)
  if (!saved)
    throw new HoldpointError(
      'UNAUTHENTICATED',
      'not signed in: run `holdpoint login`, or set HOLDPOINT_TOKEN',
    )
  if (expiryMs(saved) - RENEW_AHEAD_MS > io.now()) return saved.idToken
  const renewed = (await renew(saved, io, dataDir)) ?? saved
  if (expiryMs(renewed) > io.now()) return renewed.idToken
  throw new HoldpointError('UNAUTHENTICATED', 'the sign-in has expired: run `holdpoint login`')
}

async function renew(
  saved: Tokens,
  io: Pick<Io, 'env' | 'cwd' | 'now'>,
  dataDir: string,
): Promise<Tokens | undefined> {
  const issuers = terminalIssuers(readConfig(io), io.cwd).filter(
    ({ issuer }) => issuer === decodeJwt(saved.idToken).iss,
  )
  if (saved.refreshToken === undefined || issuers.length === 0) return undefined
  const signIn = createSignIn({ issuers, redirectUri: () => '' }, { now: io.now })
  const renewed = await signIn.refresh(saved).catch((error: unknown) => {
    if (expiryMs(saved) <= io.now()) throw error
    return undefined
  })
  if (renewed) {
    saveSession(dataDir, renewed)
    return renewed
  }
  // Another command may have renewed it a moment ago: a refresh token is good for one use.
  return loadSession(dataDir)
}

/** Where this terminal can sign in: at the configured issuers, or at the development one that runs here. */
export function terminalIssuers(config: Config, cwd: string): SignInIssuer[] {
  if (config.identity.issuers.length > 0) return signInIssuers(config, cwd)
  const development = readRunning(config.dataDir)?.identity
  return development ? [developmentIssuerAt(development.url)] : []
}
