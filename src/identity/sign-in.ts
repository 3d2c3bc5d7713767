import { decodeJwt } from 'jose'
import { HoldpointError } from '#contract'
import { createClient, loadOpenid, refusalOf, tokensOf } from './client.ts'
import { secure } from './fetch.ts'
import { createIdentity } from './identity.ts'
import { localPath } from './local-path.ts'
import { createPending } from './pending.ts'
import type { SignIn, SignInIssuer, Tokens } from './types.ts'

export interface SignInConfig {
  issuers: readonly SignInIssuer[]
  /** Where issuers send browsers back to, the same each time. */
  redirectUri: () => string
}

/**
 * Signs people in with their browser. What `openid-client` has validated is verified once more as the broker will,
 * signature included, so that nobody is signed in here whom the broker does not believe.
 */
export function createSignIn({ issuers, redirectUri }: SignInConfig, { now }: { now: () => number }): SignIn {
  const clients = new Map(
    issuers.map((config) => [config.issuer, { config, open: createClient(config, { now }) }]),
  )
  const identity = createIdentity({ issuers }, { now })
  const pending = createPending({ now })
  const clientOf = (issuer: string | undefined) => {
    const found = clients.get(issuer ?? '')
    if (found) return found
    throw new HoldpointError('NOT_FOUND', `${JSON.stringify(issuer)} is no issuer at which people sign in`)
  }

  return {
    issuers: () => issuers.map(({ issuer, label }) => ({ issuer, label: label ?? new URL(issuer).host })),

    async begin({ issuer = issuers[0]?.issuer, returnTo }) {
      const { config, open } = clientOf(issuer)
      const openid = await loadOpenid()
      const client = await open()
      // A browser follows it: neither plain HTTP nor a script.
      secure(client.serverMetadata().authorization_endpoint ?? '')
      const [verifier, state, nonce] = [
        openid.randomPKCECodeVerifier(),
        openid.randomState(),
        openid.randomNonce(),
      ]
      const url = openid.buildAuthorizationUrl(client, {
        redirect_uri: redirectUri(),
        scope: scopeOf(config),
        state,
        nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      const sealed = await pending.seal({
        issuer: config.issuer,
        verifier,
        state,
        nonce,
        returnTo: localPath(returnTo),
      })
      return { url: url.href, sealed }
    },

    async finish(callback, sealed) {
      const { issuer, verifier, state, nonce, returnTo } = await pending.open(sealed)
      const openid = await loadOpenid()
      const client = await clientOf(issuer).open()
      // Our own address, whatever name the browser gave us on its way back.
      const here = new URL(redirectUri())
      here.search = callback.search
      const tokens = await openid
        .authorizationCodeGrant(client, here, {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        })
        .then(tokensOf)
        .catch((cause: unknown) => {
          throw refusalOf(cause)
        })
      return { person: await identity.verifyToken(tokens.idToken), tokens, returnTo }
    },

    async refresh({ idToken, refreshToken }): Promise<Tokens | undefined> {
      if (refreshToken === undefined) return undefined
      const before = decodeJwt(idToken)
      const openid = await loadOpenid()
      const client = await clientOf(before.iss).open()
      try {
        const renewed = await openid.refreshTokenGrant(client, refreshToken).then(tokensOf)
        const { iss, sub } = await identity.verifyToken(renewed.idToken)
        // OpenID Connect Core, 12.2: the same person, or the session would change hands.
        return iss === before.iss && sub === before.sub ? { refreshToken, ...renewed } : undefined
      } catch (cause) {
        const refusal = refusalOf(cause)
        if (refusal.code === 'UNAUTHENTICATED') return undefined
        throw refusal
      }
    },
  }
}

export const scopeOf = ({ scopes = [] }: SignInIssuer): string =>
  [...new Set(['openid', 'profile', ...scopes])].join(' ')
