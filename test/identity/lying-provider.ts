import { createHash } from 'node:crypto'
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { SignInIssuer } from '#identity'
import { listenFrom } from '#runtime'

type Claims = Record<string, unknown>
type Json = Record<string, unknown>

/** Each is a way to lie; what is absent is honest. */
export interface Lies {
  metadata?: (honest: Json) => Json | Response | Promise<Response>
  claims?: (honest: Claims) => Claims
  /** The whole ID token, from its honest claims. */
  idToken?: (claims: Claims) => string | undefined | Promise<string | undefined>
  token?: (honest: Json, context: Context) => Json | Response | Promise<Response>
  keys?: () => Json | Response
  device?: (honest: Json) => Json | Response
}

export interface LyingProvider {
  issuer: SignInIssuer
  lies: Lies
  /** What the authorization request said, for the token endpoint to hold against its caller. */
  asked: { nonce: string; challenge: string }
  /** Every grant that was asked for. */
  grants: URLSearchParams[]
  sign(claims: Claims, options?: { kid?: string; by?: 'its key' | 'another key' }): Promise<string>
  /** Signed with its public key as if that were a shared secret. */
  signSymmetrically(claims: Claims): Promise<string>
  stop(): Promise<void>
}

/** An identity provider that keeps the protocol in all that a test does not tell it to lie about. */
export async function startLyingProvider(now: () => number): Promise<LyingProvider> {
  const [own, another] = await Promise.all([0, 1].map(() => generateKeyPair('ES256', { extractable: true })))
  if (!own || !another) throw new Error('no keys')
  const jwk: JWK = { ...(await exportJWK(own.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }
  const otherJwk: JWK = { ...(await exportJWK(another.publicKey)), kid: 'k2', alg: 'ES256', use: 'sig' }
  const used = new Set<string>()
  const app = new Hono()
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  const url = `http://127.0.0.1:${await listenFrom(server, 0)}`

  const provider: LyingProvider = {
    issuer: { issuer: url, audience: 'holdpoint', clientId: 'holdpoint' },
    lies: {},
    asked: { nonce: '', challenge: '' },
    grants: [],
    sign: (claims, { kid = 'k1', by = 'its key' } = {}) =>
      new SignJWT(claims as never)
        .setProtectedHeader({ alg: 'ES256', kid })
        .sign((by === 'its key' ? own : another).privateKey),
    async signSymmetrically(claims) {
      const secret = Buffer.from(await exportSPKI(own.publicKey))
      return new SignJWT(claims as never).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(secret)
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  const answer = async (context: Context, given: Json | Response | Promise<Response>): Promise<Response> => {
    const awaited = await given
    return awaited instanceof Response ? awaited : context.json(awaited)
  }

  app.get('/.well-known/openid-configuration', (context) => {
    const honest = {
      issuer: url,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
      device_authorization_endpoint: `${url}/device`,
      jwks_uri: `${url}/keys`,
      id_token_signing_alg_values_supported: ['ES256'],
      authorization_response_iss_parameter_supported: true,
    }
    return answer(context, provider.lies.metadata?.(honest) ?? honest)
  })
  app.get('/keys', (context) => answer(context, provider.lies.keys?.() ?? { keys: [jwk, otherJwk] }))
  app.post('/device', (context) => {
    const honest = {
      device_code: 'd1',
      user_code: 'BCDF-GHJK',
      verification_uri: `${url}/enter`,
      expires_in: 600,
      interval: 5,
    }
    return answer(context, provider.lies.device?.(honest) ?? honest)
  })
  app.post('/token', async (context) => {
    const sent = new URLSearchParams(await context.req.text())
    provider.grants.push(sent)
    if (sent.get('grant_type') === 'authorization_code' && isRefused(sent))
      return context.json({ error: 'invalid_grant' }, 400)
    const iat = Math.floor(now() / 1000)
    const { nonce } = provider.asked
    const claims = {
      iss: url,
      sub: 'u1',
      aud: 'holdpoint',
      iat,
      exp: iat + 600,
      name: 'Ursula',
      groups: ['sre'],
    }
    const isCode = sent.get('grant_type') === 'authorization_code'
    const said = provider.lies.claims?.(isCode ? { ...claims, nonce } : claims) ?? {
      ...claims,
      ...(isCode ? { nonce } : {}),
    }
    const idToken = provider.lies.idToken ? await provider.lies.idToken(said) : await provider.sign(said)
    const honest = {
      access_token: 'a1',
      token_type: 'Bearer',
      refresh_token: `r${provider.grants.length}`,
      ...(idToken === undefined ? {} : { id_token: idToken }),
    }
    return answer(context, provider.lies.token?.(honest, context) ?? honest)
  })

  /** A code is good once, and for whoever knows the verifier (RFC 7636, 4.6). */
  function isRefused(sent: URLSearchParams): boolean {
    const code = sent.get('code') ?? ''
    const challenge = createHash('sha256')
      .update(sent.get('code_verifier') ?? '')
      .digest('base64url')
    if (used.has(code) || challenge !== provider.asked.challenge) return true
    used.add(code)
    return false
  }
  return provider
}
