import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose'
import { check, HoldpointError, text } from '#contract'
import type { TrustedIssuer } from './identity.ts'

/** The issuer's keys, found on first use where the configuration does not say (OpenID Connect Discovery, 4). */
export function keysOf({ issuer, jwksUri }: TrustedIssuer): JWTVerifyGetKey {
  let keys = jwksUri === undefined ? undefined : createRemoteJWKSet(secure(jwksUri), REMOTE)
  return async (header, token) => {
    keys ??= createRemoteJWKSet(await discoverKeys(issuer), REMOTE)
    return keys(header, token)
  }
}

const REMOTE = { timeoutDuration: 5_000 }

async function discoverKeys(issuer: string): Promise<URL> {
  const response = await fetch(secure(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`), {
    signal: AbortSignal.timeout(REMOTE.timeoutDuration),
    redirect: 'error',
  })
  const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown }
  const found = check(text({ min: 1, max: 2000 }), document.jwks_uri)
  if (!response.ok || !found.ok || document.issuer !== issuer)
    throw new Error(`${issuer} does not say where its keys are`)
  return secure(found.value)
}

/** Keys that come over plain HTTP are anybody's keys; only this machine itself is close enough. */
function secure(address: string): URL {
  const url = new URL(address)
  const isLocal = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal)) return url
  throw new HoldpointError('INVALID_CONFIG', `identity.issuers: ${address}, expected https`)
}
