import type { Configuration, ServerMetadata } from 'openid-client'
import { HoldpointError } from '#contract'
import { fetchBounded } from './fetch.ts'
import { discoveryAt } from './keys.ts'
import type { SignInIssuer, Tokens } from './types.ts'

/** Loaded when somebody signs in: verifying tokens needs nothing of it. */
export const loadOpenid = () => import('openid-client')

const CLOCK_LEEWAY_S = 30

/** Holdpoint as a client of one issuer. The first use finds the issuer's metadata; a failure is not remembered. */
export function createClient(
  config: SignInIssuer,
  { now }: { now: () => number },
): () => Promise<Configuration> {
  const { clientId, clientSecret } = config
  let discovering: Promise<ServerMetadata> | undefined
  return async () => {
    const openid = await loadOpenid()
    discovering ??= discover(config).catch((error: unknown) => {
      discovering = undefined
      throw error
    })
    const client = new openid.Configuration(
      await discovering,
      clientId,
      {
        [openid.clockSkew]: Math.round((now() - Date.now()) / 1000),
        [openid.clockTolerance]: CLOCK_LEEWAY_S,
      },
      clientSecret === undefined ? openid.None() : openid.ClientSecretBasic(clientSecret),
    )
    client[openid.customFetch] = fetchBounded as never
    // `fetchBounded` is the stricter one: plain HTTP to this machine, and nowhere else.
    openid.allowInsecureRequests(client)
    return client
  }
}

/** Throws UNAVAILABLE where the metadata cannot be had, or speak of another issuer. */
async function discover({ issuer, clientId, discoveryUrl }: SignInIssuer): Promise<ServerMetadata> {
  const openid = await loadOpenid()
  const at = discoveryAt(issuer, discoveryUrl)
  const client = await openid
    .discovery(at, clientId, undefined, openid.None(), {
      [openid.customFetch]: fetchBounded as never,
      execute: [openid.allowInsecureRequests],
    })
    .catch((cause: Error) => {
      if (cause instanceof HoldpointError) throw cause
      throw new HoldpointError('UNAVAILABLE', `${at} does not describe ${issuer}: ${cause.message}`, {
        cause,
        retryable: true,
      })
    })
  const metadata = client.serverMetadata()
  // Metadata of another issuer are how a mix-up begins (RFC 8414, 3.3).
  if (metadata.issuer === issuer) return { ...metadata }
  throw new HoldpointError('UNAVAILABLE', `${at} speaks for ${metadata.issuer}, expected ${issuer}`)
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
  for (let error = cause; error instanceof Error; error = error.cause)
    if (error instanceof HoldpointError) return error
  const { status, message, error, error_description: description } = cause as Record<string, unknown>
  const answered = (cause as { cause?: { status?: unknown } }).cause?.status ?? status
  if (typeof answered === 'number' && answered >= 500)
    return new HoldpointError('UNAVAILABLE', `the identity provider fails with status ${answered}`, {
      cause,
      retryable: true,
    })
  const said = [error, description].filter((part) => typeof part === 'string').join(': ')
  return new HoldpointError('UNAUTHENTICATED', `signing in failed: ${said || message}`.slice(0, 500), {
    cause,
  })
}
