import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose'
import { check, text } from '#contract'
import { fetchBounded, secure } from './fetch.ts'
import type { TrustedIssuer } from './identity.ts'

const REMOTE = { [customFetch]: fetchBounded }

/** The issuer's keys, found on first use where the configuration does not say (OpenID Connect Discovery, 4). */
export function keysOf({ issuer, jwksUri, discoveryUrl }: TrustedIssuer): JWTVerifyGetKey {
  let keys = jwksUri === undefined ? undefined : createRemoteJWKSet(secure(jwksUri), REMOTE)
  return async (header, token) => {
    keys ??= createRemoteJWKSet(await discoverKeys(issuer, discoveryUrl), REMOTE)
    return keys(header, token)
  }
}

async function discoverKeys(issuer: string, discoveryUrl: string | undefined): Promise<URL> {
  const response = await fetchBounded(discoveryAt(issuer, discoveryUrl))
  const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown }
  const found = check(text({ min: 1, max: 2000 }), document.jwks_uri)
  if (response.status !== 200 || !found.ok || document.issuer !== issuer)
    throw new Error(`${issuer} does not say where its keys are`)
  return secure(found.value)
}

/** Where an issuer describes itself. */
export const discoveryAt = (issuer: string, discoveryUrl?: string): URL =>
  secure(discoveryUrl ?? `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
