import type { Configuration } from 'openid-client'
import { HoldpointError } from '#contract'
import { fetchBounded } from './fetch.ts'
import { discoveryAt } from './keys.ts'
import type { SignInIssuer, Tokens } from './types.ts'

/** Loaded when somebody signs in: verifying tokens needs nothing of it. */
export const loadOpenid = () => import('openid-client')

/**
 * Holdpoint as a client of an issuer, by the issuer's own metadata. Throws UNAVAILABLE where they cannot be had, or
 * speak of another issuer.
 */
export async function createClient(
  { issuer, clientId, clientSecret, discoveryUrl }: SignInIssuer,
  { now }: { now: () => number },
): Promise<Configuration> {
  const openid = await loadOpenid()
  const at = discoveryAt(issuer, discoveryUrl)
  const skew = { [openid.clockSkew]: Math.round((now() - Date.now()) / 1000), [openid.clockTolerance]: 30 }
  try {
    const client = await openid.discovery(
      at,
      clientId,
      skew,
      // Some providers accept a secret in the header alone, some in the body alone; the header is what RFC 6749 wants.
      clientSecret === undefined ? openid.None() : openid.ClientSecretBasic(clientSecret),
      {
        [openid.customFetch]: fetchBounded as never,
        // `fetchBounded` is stricter: plain HTTP on loopback, and nowhere else.
        execute: [openid.allowInsecureRequests],
      },
    )
    const { issuer: named } = client.serverMetadata()
    if (named === issuer) return client
    throw new HoldpointError('UNAVAILABLE', `${at} speaks for ${named}, expected ${issuer}`)
  } catch (cause) {
    if (cause instanceof HoldpointError) throw cause
    throw new HoldpointError(
      'UNAVAILABLE',
      `${at} does not describe ${issuer}: ${(cause as Error).message}`,
      {
        cause,
        retryable: true,
      },
    )
  }
}

/** What a token endpoint answered, as far as it matters here. Throws UNAUTHENTICATED where there is no ID token. */
export function tokensOf(answer: { id_token?: string; refresh_token?: string }): Tokens {
  const { id_token: idToken, refresh_token: refreshToken } = answer
  if (idToken === undefined)
    throw new HoldpointError('UNAUTHENTICATED', 'the identity provider gave no ID token')
  return { idToken, ...(refreshToken === undefined ? {} : { refreshToken }) }
}

/** A refusal says something about whoever signs in; silence does not. */
export function refusalOf(cause: unknown): HoldpointError {
  for (let error = cause; error instanceof Error; error = error.cause as Error)
    if (error instanceof HoldpointError) return error
  const { status, message } = cause as { status?: number; message: string }
  if (status !== undefined && status >= 500)
    return new HoldpointError('UNAVAILABLE', `the identity provider fails with status ${status}`, {
      cause,
      retryable: true,
    })
  const { error, error_description: description } = cause as Record<string, unknown>
  const detail = [error, description].filter((part) => typeof part === 'string').join(': ')
  return new HoldpointError('UNAUTHENTICATED', `signing in failed: ${detail || message}`.slice(0, 500), {
    cause,
  })
}
