import { importJWK, type JWK, SignJWT } from 'jose'
import type { Home } from '#broker'
import { DEVELOPMENT_ISSUER } from '#identity'

/** A token that the house's own identity provider could have issued: whatever a company's may one day put into one. */
export async function tokenOf(
  home: Home,
  claims: Record<string, unknown>,
  nowMs = Date.now(),
): Promise<string> {
  const jwk = JSON.parse(home.read('people/issuer.jwk')) as JWK
  const iat = Math.floor(nowMs / 1000)
  const payload = { iss: DEVELOPMENT_ISSUER, aud: 'holdpoint', iat, exp: iat + 3_600, ...claims }
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'EdDSA', kid: jwk.kid as string })
    .sign(await importJWK(jwk, 'EdDSA'))
}
