import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { HoldpointError, type Principal } from '#contract'
import { chainOf, personOf } from './claims.ts'
import { keysOf } from './keys.ts'
import type { Person } from './person.ts'
import { createVerified } from './verified.ts'

export interface TrustedIssuer {
  issuer: string
  /** The audience that its access tokens for Holdpoint carry, or the client's id. */
  audience: string
  /** The client at which people sign in: the audience of their ID tokens. */
  clientId?: string
  /** Where its keys are; by default what its discovery document says. */
  jwksUri?: string
  /** Where its discovery document is, if not below the issuer (OpenID Connect Discovery, 4). */
  discoveryUrl?: string
}

export interface Identity {
  /** Who this token proves to be signed in. Throws UNAUTHENTICATED, or UNAVAILABLE where the keys cannot be had. */
  verifyToken(token: string): Promise<Person>
  /**
   * On whose behalf the holder of this token acts: the person, then everybody it was delegated through. Throws as
   * above; an ID token proves that somebody signed in somewhere, and not that they let an agent act.
   */
  verifyDelegation(token: string): Promise<Principal[]>
}

/** Asymmetric only: with a shared secret, whoever can verify could also forge. */
const ALGORITHMS = ['EdDSA', 'ES256', 'ES384', 'PS256', 'RS256']
const CLOCK_LEEWAY_S = 30

/** Believes tokens of the configured issuers alone (OpenID Connect Core; RFC 7519; RFC 8725). */
export function createIdentity(
  config: { issuers: readonly TrustedIssuer[] },
  deps: { now: () => number },
): Identity {
  const issuers = new Map(
    config.issuers.map((trusted) => [trusted.issuer, { ...trusted, keys: keysOf(trusted) }]),
  )

  async function claimsOf(token: string, audienceOf: (trusted: TrustedIssuer) => string[]) {
    const trusted = issuers.get(issuerOf(token) ?? '')
    if (!trusted) throw new HoldpointError('UNAUTHENTICATED', 'the token is of no issuer that is configured')
    const claims = await verify(token, trusted.keys, {
      issuer: trusted.issuer,
      audience: audienceOf(trusted),
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_LEEWAY_S,
      requiredClaims: ['sub', 'exp', 'iat'],
      currentDate: new Date(deps.now()),
    })
    // RFC 7519 leaves this to us: whoever dates a token ahead stretches its life.
    if (Number(claims.iat) > deps.now() / 1000 + CLOCK_LEEWAY_S)
      throw new HoldpointError('UNAUTHENTICATED', 'the token was issued in the future')
    checkParty(claims, trusted.clientId)
    return { claims, issuer: trusted.issuer }
  }

  const verified = createVerified()

  return {
    async verifyToken(token) {
      const known = verified.find(token, deps.now())
      if (known) return known
      const { claims, issuer } = await claimsOf(token, ({ audience, clientId }) => [
        audience,
        ...(clientId === undefined ? [] : [clientId]),
      ])
      const person = personOf(claims, issuer)
      verified.keep(token, person, deps.now(), Number(claims.exp) * 1000)
      return person
    },
    async verifyDelegation(token) {
      const { claims, issuer } = await claimsOf(token, ({ audience }) => [audience])
      return chainOf(claims, issuer)
    },
  }
}

/** An ID token that some other client asked for is not our sign-in (OpenID Connect Core, 3.1.3.7, 4 and 5). */
function checkParty({ aud, azp }: JWTPayload, clientId: string | undefined): void {
  const audiences = [aud ?? []].flat()
  if (clientId === undefined || !audiences.includes(clientId)) return
  if (azp === undefined ? audiences.length > 1 : azp !== clientId)
    throw new HoldpointError(
      'UNAUTHENTICATED',
      `the token is of the authorized party ${JSON.stringify(azp)}, expected ${JSON.stringify(clientId)}`,
    )
}

async function verify(
  token: string,
  keys: JWTVerifyGetKey,
  options: Parameters<typeof jwtVerify>[2],
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload
  } catch (cause) {
    if (cause instanceof HoldpointError) throw cause
    if (!(cause instanceof errors.JOSEError) || NO_ANSWER.has(cause.code))
      throw new HoldpointError('UNAVAILABLE', 'the keys of the identity provider cannot be had', {
        cause,
        retryable: true,
      })
    throw new HoldpointError('UNAUTHENTICATED', `the token is not valid: ${cause.message}`, { cause })
  }
}

/**
 * The provider did not give us its keys, which says nothing about the token. The generic one is what the remote
 * key set throws for any status but 200, and for a body that is no JSON.
 */
const NO_ANSWER = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'])

/** Read before the signature is checked, and used for nothing but to choose the keys that check it. */
function issuerOf(token: string): string | undefined {
  try {
    const { iss } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
      iss?: unknown
    }
    return typeof iss === 'string' ? iss : undefined
  } catch {
    return undefined
  }
}
