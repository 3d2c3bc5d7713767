import { HoldpointError } from '#contract'
import { createClient, loadOpenid, refusalOf, tokensOf } from './client.ts'
import { DEVELOPMENT_CLIENT, DEVELOPMENT_ISSUER } from './development/people.ts'
import { fetchBounded } from './fetch.ts'
import type { Tokens } from './types.ts'

/** Nobody listens there: the redirect is read, not followed. */
const REDIRECT_URI = 'http://127.0.0.1/sign-in/callback'

/**
 * Signs one of the development people in as a browser does: authorization code, PKCE, and the page's own form.
 * `discoveryUrl` is where the development issuer describes itself. Throws UNAUTHENTICATED or UNAVAILABLE.
 */
export async function signInAs(
  discoveryUrl: string,
  { person, passphrase }: { person: string; passphrase: string },
): Promise<Tokens> {
  const openid = await loadOpenid()
  const issuer = { issuer: DEVELOPMENT_ISSUER, audience: DEVELOPMENT_CLIENT, clientId: DEVELOPMENT_CLIENT }
  const client = await createClient({ ...issuer, discoveryUrl }, { now: Date.now })()
  const pkceCodeVerifier = openid.randomPKCECodeVerifier()
  const [state, nonce] = [openid.randomState(), openid.randomNonce()]
  const start = openid.buildAuthorizationUrl(client, {
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile',
    state,
    nonce,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  const callback = await walk(start, new URLSearchParams({ person, passphrase }))
  try {
    return tokensOf(
      await openid.authorizationCodeGrant(client, callback, {
        pkceCodeVerifier,
        expectedState: state,
        expectedNonce: nonce,
      }),
    )
  } catch (cause) {
    throw refusalOf(cause)
  }
}

/** From the authorization endpoint over the form to the redirect back, with the cookies that a browser would send. */
async function walk(start: URL, form: URLSearchParams): Promise<URL> {
  const cookies = new Map<string, string>()
  const go = async (url: URL, body?: URLSearchParams): Promise<URL> => {
    const headers = {
      cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      ...(body === undefined ? {} : { origin: url.origin }),
    }
    const response = await fetchBounded(
      url,
      body === undefined ? { headers } : { method: 'POST', headers, body },
    )
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(cookie) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location !== null) return new URL(location, url)
    throw new HoldpointError(
      'UNAUTHENTICATED',
      REFUSED[response.status] ?? `sign-in ended with ${response.status}`,
    )
  }
  const page = await go(start)
  return go(await go(page, form))
}

const REFUSED: Record<number, string> = {
  400: 'there is nobody by that name among the development people',
  403: 'wrong passphrase',
  429: 'too many wrong passphrases: wait half a minute',
}
